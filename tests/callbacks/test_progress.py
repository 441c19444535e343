from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
import rich
from rich.console import Console

from esrgan_train.callbacks import progress
from esrgan_train.callbacks.progress import Progress, seconds_left, smoothed
from esrgan_train.losses.adversarial import VanillaLoss
from esrgan_train.training.objective import Objective
from esrgan_train.training.stages import AdversarialTerm


def module(start_step: int, weight: float = 0.1, gan_seconds: float | None = 2.0) -> Any:
    objective = Objective(
        terms=[], adversarial=[AdversarialTerm(function=VanillaLoss(), weight=weight)], start_step=start_step
    )
    return SimpleNamespace(objective=objective, gan_iteration_seconds=gan_seconds)


def test_time_left_counts_each_stage_at_its_own_pace() -> None:
    assert seconds_left(module(100), done=40, total=150, iteration_seconds=0.5) == 60 * 0.5 + 50 * 2.0
    assert seconds_left(module(100), done=120, total=150, iteration_seconds=1.5) == 30 * 1.5
    assert seconds_left(module(100, weight=0.0), done=40, total=150, iteration_seconds=0.5) == 110 * 0.5
    assert seconds_left(module(100), done=40, total=80, iteration_seconds=0.5) == 40 * 0.5
    assert seconds_left(module(100), done=0, total=150, iteration_seconds=None) is None


def test_the_pace_forgets_slowly() -> None:
    assert smoothed(None, 3.0) == 3.0
    assert smoothed(1.0, 2.0, weight=0.1) == pytest.approx(1.1)


class Run:
    """In place of a trainer: counts how often the logged figures are asked for."""

    is_global_zero, max_steps = True, 100

    def __init__(self) -> None:
        self.global_step, self.looks = 0, 0

    @property
    def callback_metrics(self) -> dict[str, float]:
        self.looks += 1
        return {"train/pixel": 0.25}


@pytest.mark.parametrize("terminal", [True, False])
def test_figures_are_looked_up_only_to_be_shown(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    monkeypatch.setattr(rich, "get_console", lambda: Console(file=io.StringIO(), force_terminal=terminal))
    run: Any = Run()
    callback = Progress()
    callback.on_train_start(run, module(100))
    for step in range(1, 101):  # in 9.5 seconds
        now += 0.5 if step % 10 == 0 else 0.05
        run.global_step = step
        callback.on_train_batch_end(run, module(200))
    if terminal:
        assert callback.bar is not None
        assert callback.bar.tasks[0].completed == 100
    callback.teardown(run, module(100), "fit")
    assert run.looks < (60 if terminal else 2)
