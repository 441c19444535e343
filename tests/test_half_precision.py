"""Runs with ``trainer.precision=16``: overflows in them, their end, their resumption, and in two processes."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.errors import RunError
from esrgan_train.train import train
from esrgan_train.training.loss_scale import FIRST
from tests.test_resume import LEARNT, assert_equal
from tests.tiny import tiny

pytestmark = pytest.mark.run

CHECKOUT = Path(__file__).parent.parent
HALF = ("trainer.precision=16", "recipe.log_every_n_steps=1", "recipe.start_step=4", "scheduler=constant")
# A pixel loss that multiplies the gradients of some calls, but not its value.
LOSS = """
import os, torch

class Times(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return ctx.factor * gradient, None

class Steep(torch.nn.L1Loss):
    def __init__(self, factor, calls, rank="0"):
        super().__init__()
        self.factor, self.wanted, self.rank, self.calls = factor, calls, rank, 0

    def forward(self, sr, target):
        self.calls += 1
        here = os.environ.get("LOCAL_RANK", "0") == self.rank
        steep = here and (not self.wanted or self.calls in self.wanted)
        return super().forward(Times.apply(sr, self.factor) if steep else sr, target)
"""
TIMES = 2.0**12  # more than fp16 holds at the first scale, and less after some halvings


@pytest.fixture
def steep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pixel loss of a run, with steep gradients in some ``calls``; the first is the trial before the run."""
    (tmp_path / "steep.py").write_text(LOSS)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("steep", None)
    return ["loss.pixel.function._target_=steep.Steep"]


def load(run_dir: Path) -> dict[str, Any]:
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]


def scales(run_dir: Path) -> list[float]:
    """Of each iteration, as logged; an iteration that was left out measured nothing."""
    with (run_dir / "metrics.csv").open(newline="") as file:
        return [float(row["train/loss_scale"]) for row in csv.DictReader(file) if row.get("train/loss_scale")]


def run(run_dir: Path, *overrides: str) -> dict[str, Any]:
    train(compose_config(tiny(run_dir, *HALF, *overrides)))
    return load(run_dir)


@pytest.mark.slow
@pytest.mark.parametrize("shared", ["true", "false"])
def test_a_resumed_run_equals_one_that_never_stopped_bit_for_bit(tmp_path: Path, shared: str) -> None:
    more = ("training.accumulate=2", "training.grad_clip=0.1", f"training.shared_fake_forward={shared}")
    whole = run(tmp_path / "whole", *more, "trainer.max_steps=7")
    run(tmp_path / "parts", *more, "trainer.max_steps=5")
    last = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    parts = run(tmp_path / "parts", *more, "trainer.max_steps=7", f"ckpt_path={last}")
    for key in (*LEARNT, "loss_scale"):
        assert_equal(parts[key], whole[key], key)
    assert whole["loss_scale"] == {"factor": FIRST, "since": 7}


@pytest.mark.slow
def test_an_overflow_is_resumed_with_its_scale_and_reported_by_nobody(
    tmp_path: Path, steep: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    more = [*steep, f"+loss.pixel.function.factor={TIMES}", "callbacks.guard.max_in_row=1", "recipe.start_step=10"]
    first = run(tmp_path / "run", *more, "+loss.pixel.function.calls=[3,4]", "trainer.max_steps=3")
    # Two of three iterations were left out, and counted.
    assert first["loss_scale"]["factor"] < FIRST
    assert first["loss_scale"]["since"] <= 1
    left_out = 3 - int(first["optimizer_states"][0]["state"][0]["step"])
    assert left_out >= 1
    assert first["loss_scale"]["factor"] == FIRST / 2**left_out
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    after = run(
        tmp_path / "run", *more, "+loss.pixel.function.calls=[99]", "trainer.max_steps=6", f"ckpt_path={last}"
    )
    assert after["loss_scale"]["factor"] == first["loss_scale"]["factor"]
    assert after["loss_scale"]["since"] == first["loss_scale"]["since"] + 3
    assert not (tmp_path / "run" / "nonfinite").exists()
    assert "was skipped" not in caplog.text
    assert scales(tmp_path / "run")[-1] == after["loss_scale"]["factor"]


@pytest.mark.slow
def test_gradients_that_overflow_at_every_scale_stop_the_run(tmp_path: Path, steep: list[str]) -> None:
    more = [*steep, "+loss.pixel.function.factor=1e30", "+loss.pixel.function.calls=[]", "recipe.start_step=50"]
    with pytest.raises(RunError, match="3 iterations in a row, up to 19, had losses or gradients"):
        run(tmp_path / "run", *more, "callbacks.guard.max_in_row=3", "trainer.max_steps=40")
    assert len(list((tmp_path / "run" / "nonfinite").iterdir())) == 3


@pytest.mark.slow
def test_an_overflow_in_one_process_is_left_out_by_both(tmp_path: Path, steep: list[str]) -> None:
    path = os.pathsep.join(p for p in (str(CHECKOUT), str(tmp_path), os.environ.get("PYTHONPATH")) if p)
    more = [*steep, "+loss.pixel.function.factor=1e30", "+loss.pixel.function.calls=[5]"]  # 2, 3: rehearsed
    more += ['+loss.pixel.function.rank="1"', "trainer.devices=2", "trainer.strategy=ddp", "trainer.max_steps=6"]
    done = subprocess.run(
        [sys.executable, "-m", "esrgan_train", *tiny(tmp_path / "run", *HALF, *more)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "was skipped" not in done.stdout
    checkpoint = load(tmp_path / "run")
    assert checkpoint["global_step"] == 6
    assert checkpoint["loss_scale"] == {"factor": FIRST / 2, "since": 4}
    assert int(checkpoint["optimizer_states"][0]["state"][0]["step"]) == 3  # of the pixel stage's four
    assert all(tensor.isfinite().all() for tensor in checkpoint["state_dict"].values())
