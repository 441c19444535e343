from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from esrgan_train.callbacks.best import Best, BestOfStages, past_its_best, worded
from esrgan_train.callbacks.criterion import (
    LAST,
    Criterion,
    by_measures,
    criterion_of,
    monitors_of,
)
from esrgan_train.callbacks.validate_learned import ValidateDists, ValidateLearned, ValidateLpips
from esrgan_train.errors import UserError
from esrgan_train.metrics.directions import Mode, mode_of
from esrgan_train.training.stages import StageName


def both(monitor: str, mode: Mode) -> BestOfStages:
    return BestOfStages({"pixel": Criterion(monitor, mode), "gan": Criterion(monitor, mode)})


@pytest.mark.parametrize("mode", ["max", "min"])
def test_each_stage_has_the_best_of_its_own_finite_values(mode: Mode) -> None:
    values = np.random.default_rng(0).normal(size=40)
    values[[0, 7, 20]] = math.nan
    values[[9, 30]] = [math.inf, -math.inf]
    best = both("val/psnr", mode)
    stages: dict[StageName, slice] = {"pixel": slice(0, 20), "gan": slice(20, 40)}
    for stage, part in stages.items():
        for step, value in zip(range(40)[part], values[part].tolist(), strict=True):
            is_best = best.note(stage, step, value)
            assert best.note(stage, step, value) == is_best
            assert is_best == (best.stages.get(stage) == Best(value, step))
    finite = np.where(np.isfinite(values), values, -math.inf if mode == "max" else math.inf)
    for stage, part in stages.items():
        place = int(finite[part].argmax() if mode == "max" else finite[part].argmin()) + part.start
        assert best.stages[stage] == Best(values[place], place)


def test_the_last_is_the_newest_that_is_finite() -> None:
    best = BestOfStages({"gan": Criterion(LAST, reason="the last, as asked")})
    for step, value in {4: 30.0, 8: 20.0, 12: math.nan}.items():
        assert best.note("gan", step, value) == math.isfinite(value)
    assert best.stages["gan"] == Best(None, 8)
    assert best.why("gan") == "GAN stage, iteration 8: the last, as asked"


def test_a_pixel_stage_that_ends_worse_than_it_was_is_reported_with_both_values() -> None:
    file, best = Path("run/checkpoints/best_pixel.ckpt"), both("val/psnr_y", "max")
    assert past_its_best(best, {"val/psnr_y": 29.0}, file, 2000) is None  # nothing before
    best.note("pixel", 9000, 29.943)
    assert past_its_best(best, {"val/psnr_y": 29.90}, file, 2000) is None  # hardly
    assert past_its_best(best, {"val/psnr_y": 29.95}, file, 2000) is None
    assert past_its_best(best, {"val/psnr_y": math.nan}, file, 2000) is None  # the outcome's to report
    line = past_its_best(best, {"val/psnr_y": 29.848}, file, 2000)
    assert line is not None
    assert "val/psnr_y 29.85, but after 9000 iterations it was 29.94" in line
    assert line.endswith(f"init_from={file} loss.adversarial.start_step=0 trainer.max_steps=2000")
    for other in (Criterion("val/lpips", "min"), Criterion(LAST)):  # no dB
        found = BestOfStages({"pixel": other})
        found.note("pixel", 9000, 0.1)
        assert past_its_best(found, {"val/lpips": 0.9}, file, 2000) is None


def test_the_state_is_of_one_value_and_no_other() -> None:
    best = both("val/psnr", "max")
    best.note("pixel", 4, 23.5)
    state = best.state()
    assert state["stages"] == {"pixel": {"value": 23.5, "step": 4}}
    assert best.differences("pixel", state) == []
    other = both("val/lpips", "min")
    assert other.differences("pixel", state) == ["callbacks.checkpoints.monitor"]
    assert both("val/psnr", "min").differences("gan", state) == ["callbacks.checkpoints.mode"]
    assert best.why("pixel") == "pixel stage, iteration 4: the best by val/psnr 23.5"
    assert worded("val/psnr", Best(23.5, 4)) == "val/psnr 23.5"


def test_a_state_of_earlier_versions_has_one_value_for_both_stages() -> None:
    state = {"monitor": "val/psnr", "mode": "max", "stages": {}}
    by_default = BestOfStages({"pixel": Criterion("val/psnr_y", "max"), "gan": Criterion(LAST)})
    for stage in ("pixel", "gan"):
        assert by_default.differences(stage, state) == ["callbacks.checkpoints.monitor"]
        assert both("val/psnr", "max").differences(stage, state) == []


@pytest.mark.parametrize(
    ("value", "mode"),
    [
        ("val/psnr_y", "max"),
        ("val/ssim_clean", "max"),
        ("val/psnr_y_bicubic", "max"),
        ("val/dists", "min"),
        ("val/niqe_real", "min"),
        ("val/beauty", None),
    ],
)
def test_which_values_are_better_is_known_by_name(value: str, mode: Mode | None) -> None:
    assert mode_of(value) == mode
    if mode is None:
        with pytest.raises(UserError, match=r"monitor=val/beauty: give callbacks\.checkpoints\.mode=max or min"):
            criterion_of("gan", value, None)
        assert criterion_of("gan", value, "min") == Criterion(value, "min")
    else:
        assert criterion_of("gan", value, None) == Criterion(value, mode)


def test_the_option_is_for_both_stages_or_for_each() -> None:
    assert monitors_of("val/ssim") == {"pixel": "val/ssim", "gan": "val/ssim"}
    assert monitors_of({"gan": "last"}) == {"pixel": "auto", "gan": "last"}
    with pytest.raises(UserError, match=r"monitor\.gam: there is no such stage; give pixel or gan"):
        monitors_of({"gam": "last"})
    assert criterion_of("pixel", "auto", None) == Criterion("val/psnr_y", "max")


def measures(lpips: object, dists: object) -> Any:
    """A trainer with both callbacks; a measure that is None is not taken."""
    callbacks: list[ValidateLearned] = []
    for kind, metric in ((ValidateDists, dists), (ValidateLpips, lpips)):
        callbacks.append(object.__new__(kind))
        callbacks[-1].__dict__["metric"] = metric
    return SimpleNamespace(callbacks=callbacks)


def test_the_gan_stage_goes_by_lpips_then_by_dists_else_by_nothing() -> None:
    assert criterion_of("gan", "auto", None) is None
    assert by_measures(measures("there", "there")) == Criterion("val/lpips", "min")
    assert by_measures(measures(None, "there")) == Criterion("val/dists", "min")
    last = by_measures(measures(None, None))
    assert last.monitor == LAST
    assert "no LPIPS or DISTS weights" in last.reason
    assert "PSNR would choose the blurriest" in last.reason
