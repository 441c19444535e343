from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from esrgan_train.callbacks.progress import seconds_left, smoothed
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
