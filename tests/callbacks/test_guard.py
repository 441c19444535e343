from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from esrgan_train.callbacks.guard import Guard
from esrgan_train.errors import RunError, UserError

TRAINER: Any = SimpleNamespace(is_global_zero=True, log_every_n_steps=10)
OK, BAD = torch.zeros(()), torch.ones(())


def module() -> Any:
    objective = SimpleNamespace(stage_of=lambda step: "pixel" if step <= 5 else "gan")
    return SimpleNamespace(step=SimpleNamespace(seed=3), objective=objective)


def add(guard: Guard, step: int, skip: torch.Tensor) -> None:
    value = torch.tensor(float("inf") if skip else 0.5)
    figures = {"pixel": torch.tensor(0.1), "adversarial": value}
    guard.pending.append((step, torch.tensor([2 * step, 2 * step + 1]), figures, skip))


def test_a_skipped_iteration_is_written_down_with_its_samples(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guard, watched = Guard(run_dir=str(tmp_path), max_in_row=3), module()
    add(guard, 1, OK)
    add(guard, 2, BAD)
    with caplog.at_level(logging.WARNING):
        guard.read(TRAINER, watched)
    (path,) = (tmp_path / "nonfinite").iterdir()
    assert path.name == "step_00000002.json"
    content = json.loads(path.read_text())
    assert content["samples"] == [4, 5]
    assert content["seed"] == 3
    assert content["processes"][0]["figures"] == {"pixel": pytest.approx(0.1), "adversarial": "inf"}
    (line,) = caplog.messages
    assert "iteration 2 was skipped: not finite: adversarial;" in line
    assert f"esrgan_train.replay {tmp_path} 4 5" in line
    assert guard.skipped == 1


def test_too_many_in_a_row_stop_the_run_with_advice(tmp_path: Path) -> None:
    guard, watched = Guard(run_dir=str(tmp_path), max_in_row=3), module()
    for step, skip in enumerate([BAD, BAD, OK, BAD, BAD], start=1):
        add(guard, step, skip)
    guard.read(TRAINER, watched)  # never three in a row
    assert guard.in_row == 2
    restored = Guard(run_dir=str(tmp_path), max_in_row=3)
    restored.load_state_dict(guard.state_dict())
    add(restored, 6, BAD)
    with pytest.raises(RunError, match=r"3 iterations in a row, up to 6.*lower optimizer\.lr,"):
        restored.read(TRAINER, watched)


def test_the_advice_names_the_learning_rate_of_the_stage(tmp_path: Path) -> None:
    guard, watched = Guard(run_dir=str(tmp_path), max_in_row=1), module()
    add(guard, 1, BAD)
    with pytest.raises(RunError, match=r"lower optimizer\.pixel_lr,"):
        guard.read(TRAINER, watched)


def test_a_limit_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"max_in_row=0: give a whole number from 1 on"):
        Guard(run_dir=str(tmp_path), max_in_row=0)
