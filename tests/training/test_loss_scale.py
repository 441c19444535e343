"""fp16: what is left out, how the factor moves, and that nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.training.loss_scale import FIRST, INTERVAL, LossScale
from esrgan_train.training.precision import Precision, choose_precision
from esrgan_train.training.step import TrainingStep

MakeStep = Callable[..., TrainingStep]
HALF = Precision("16", "cpu", "as requested")


def batch() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(1)
    hr = torch.rand(2, 3, 32, 32, generator=draw)
    return {"lr": nn.functional.avg_pool2d(hr, 4), "hr": hr, "hr_target": hr}


def started(step: TrainingStep) -> TrainingStep:
    step.make_optimizers()
    return step


def weights(step: TrainingStep) -> list[Tensor]:
    return [p.detach().clone() for network in step.networks for p in network.parameters()]


def test_it_is_chosen_by_name_alone():
    for given in (16, "16"):
        chosen = choose_precision(given, "cpu")
        assert chosen.name == "16"
        assert chosen.needs_scale
        assert "far slower than 32" in chosen.reason
    assert choose_precision("auto", "cpu").name != "16"


@pytest.mark.parametrize(
    "options", [{}, {"shared_fake_forward": False}, {"accumulate": 2}, {"grad_clip": 0.1}], ids=str
)
def test_gradients_are_those_without_a_factor(make_step: MakeStep, options: dict[str, Any]):
    """In float32, where a power of two changes no digit: the factor reaches every path, and is divided out."""
    plain = started(make_step(**options))
    scaled = started(make_step(**options))
    scaled.loss_scale = LossScale()
    for done in range(3):
        expected, _ = plain(batch(), done=done, max_steps=10)
        found, skip = scaled(batch(), done=done, max_steps=10)
        assert not skip
        assert found.pop("loss_scale") == FIRST
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-6, atol=0)
    for one, other in zip(weights(scaled), weights(plain), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-7)


@pytest.mark.slow
def test_an_overflow_changes_nothing_but_the_factor(make_step: MakeStep):
    step = started(make_step(precision=HALF))
    assert step.loss_scale is not None
    step.loss_scale.factor.fill_(2.0**40)
    before, ema = weights(step), [p.clone() for p in step.ema.parameters()]
    _, skip = step(batch(), done=0, max_steps=10)
    assert skip
    assert step.settled == 1
    assert step.loss_scale.factor == 2.0**39
    assert all(map(torch.equal, weights(step), before))
    assert all(map(torch.equal, step.ema.parameters(), ema))
    for done in range(1, 40):
        measured, skip = step(batch(), done=done, max_steps=100)
        if not skip:
            break
    assert step.settled == 0
    assert all(value.isfinite() for value in measured.values())
    assert not any(map(torch.equal, weights(step), before))


def test_a_loss_that_is_not_finite_is_no_matter_of_the_factor(make_step: MakeStep, make_objective: Any):
    step = started(make_step(make_objective(pixel=lambda sr, hr: (sr - hr).mean() / 0), precision=HALF))
    _, skip = step(batch(), done=0, max_steps=10)
    assert skip
    assert step.settled == 0


def test_an_overflow_at_the_smallest_factor_is_not_settled():
    scale = LossScale()
    scale.factor.fill_(1.0)
    assert scale.update(torch.tensor(1.0)) == 0
    assert scale.factor == 1


def test_the_factor_doubles_after_a_while_and_goes_on_from_a_checkpoint():
    scale = LossScale()
    for _ in range(INTERVAL - 1):
        assert scale.update(torch.tensor(0.0)) == 0
    other = LossScale()
    other.load_state_dict(scale.state_dict())
    assert scale.factor == FIRST
    for each in (scale, other):
        each.update(torch.tensor(0.0))
        assert each.factor == 2 * FIRST


def test_half_precision_trains_near_float32(make_step: MakeStep):
    half, single = started(make_step(precision=HALF)), started(make_step())
    for done in range(3):
        found, skip = half(batch(), done=done, max_steps=10)
        expected, _ = single(batch(), done=done, max_steps=10)
        assert not skip
        for name in ("pixel", "adversarial", "d_real", "grad_norm_generator"):
            torch.testing.assert_close(found[name], expected[name], rtol=0.05, atol=1e-3)
