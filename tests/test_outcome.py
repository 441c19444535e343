from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from esrgan_train.announce import worse_than_start
from esrgan_train.callbacks.best import BestOfStages
from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.callbacks.criterion import LAST, Criterion
from esrgan_train.callbacks.summary import Summary
from esrgan_train.config import compose_config
from esrgan_train.errors import RunError
from esrgan_train.outcome import check_outcome
from esrgan_train.train import train
from esrgan_train.training.stages import StageName
from tests.tiny import tiny

GOOD = {"val/psnr": 24.0, "val/ssim": 0.6, "train/colour_shift": 0.3}


def outcome(
    run_dir: Path, values: dict[str, float], stage: StageName = "pixel", best_step: int | None = None
) -> None:
    """Check a run of eight iterations that ends with these values."""
    cfg = OmegaConf.create({"run_dir": str(run_dir), "optimizer": {"pixel_lr": 1e-3, "lr": 2e-4}})
    checkpoints = Checkpoints(run_dir=str(run_dir), name="x", monitor="val/psnr", mode="max", every_n_steps=None)
    if best_step is not None:
        checkpoints.best.note(stage, best_step, 23.0)
    metrics = {name: torch.tensor(value) for name, value in values.items()}
    trainer: Any = SimpleNamespace(callback_metrics=metrics, global_step=8, callbacks=[checkpoints])
    module: Any = SimpleNamespace(objective=SimpleNamespace(stage_of=lambda _: stage))
    check_outcome(cfg, trainer, module)


@pytest.mark.parametrize(
    "worse", [{"val/psnr": float("nan")}, {"val/ssim": float("inf")}, {"train/colour_shift": 1.1}]
)
@pytest.mark.parametrize(("stage", "rate"), [("pixel", "optimizer.pixel_lr"), ("gan", "optimizer.lr")])
def test_weights_of_no_use_are_no_good_end(
    worse: dict[str, float], stage: StageName, rate: str, tmp_path: Path
) -> None:
    outcome(tmp_path, GOOD)
    (name,) = worse
    for best_step in (None, 8):  # the best may be just as useless
        with pytest.raises(RunError, match=rf"diverged: {name}=.* after 8 .*: start again with a lower {rate} "):
            outcome(tmp_path, {**GOOD, **worse}, stage, best_step)
    with pytest.raises(RunError, match=rf"go back to ckpt_path=.*/best_{stage}\.ckpt with a lower {rate} "):
        outcome(tmp_path, {**GOOD, **worse}, stage, 4)


@pytest.mark.run
def test_a_run_that_diverges_fails_and_says_what_to_change(tmp_path: Path) -> None:
    more = ("trainer.max_steps=4", "recipe.start_step=100", "optimizer.pixel_lr=1e30")
    with pytest.raises(
        RunError, match=r"val/psnr=nan.*start again with a lower optimizer\.pixel_lr \(it is 1e\+30\)"
    ):
        train(compose_config(tiny(tmp_path / "run", *more)))
    assert "training has diverged" in (tmp_path / "run" / "train.log").read_text()


def test_a_best_below_the_start_is_reported_with_both_values() -> None:
    summary = Summary(run_dir="x", name="x", init_from=None)
    trainer: Any = SimpleNamespace(callbacks=[summary])
    best = BestOfStages({"gan": Criterion("val/psnr", "max")})
    assert worse_than_start(trainer, best, "gan") is None
    best.note("gan", 20, 21.74)
    assert worse_than_start(trainer, best, "gan") is None
    summary.start = {"psnr": 23.53, "psnr_y": 25.5}
    line = worse_than_start(trainer, best, "gan")
    assert line is not None
    assert line.startswith("the best val/psnr of the GAN stage, 21.74 after 20 iterations, is worse than")
    assert "23.53" in line
    last = BestOfStages({"gan": Criterion(LAST)})
    last.note("gan", 20, 0.0)
    summary.validations = {"gan": {"psnr_y": 24.5}}
    line = worse_than_start(trainer, last, "gan")
    assert line is not None
    assert line.startswith("the last val/psnr_y of the GAN stage, 24.5 after 20 iterations, is worse than")
    summary.validations = {"gan": {"psnr_y": 26.5}}
    assert worse_than_start(trainer, last, "gan") is None
