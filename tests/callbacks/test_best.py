from __future__ import annotations

import math

import numpy as np
import pytest

from esrgan_train.callbacks.best import Best, BestOfStages, Mode
from esrgan_train.training.stages import StageName


@pytest.mark.parametrize("mode", ["max", "min"])
def test_each_stage_has_the_best_of_its_own_finite_values(mode: Mode) -> None:
    values = np.random.default_rng(0).normal(size=40)
    values[[0, 7, 20]] = math.nan
    values[[9, 30]] = [math.inf, -math.inf]
    best = BestOfStages(monitor="val/psnr", mode=mode)
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


def test_the_state_is_of_one_value_and_no_other() -> None:
    best = BestOfStages(monitor="val/psnr", mode="max")
    best.note("pixel", 4, 23.5)
    state = best.state()
    assert state["stages"] == {"pixel": {"value": 23.5, "step": 4}}
    assert best.differences(state) == []
    other = BestOfStages(monitor="val/lpips", mode="min")
    assert other.differences(state) == ["callbacks.checkpoints.monitor", "callbacks.checkpoints.mode"]
