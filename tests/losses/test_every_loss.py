"""What holds for every loss between images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.losses.artifacts import ArtifactLoss
from esrgan_train.losses.frequency import FocalFrequencyLoss
from tests.losses.every import LOSSES
from tests.losses.pictures import picture_and_copy


def inputs(side: int) -> dict[str, Tensor]:
    """A noisy picture, its target, and what some losses take besides."""
    sr, hr = picture_and_copy(side)
    ema_sr, teacher_sr = (
        hr + 0.02 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)
    )
    lr = torch.nn.functional.avg_pool2d(hr, 4)
    return {"sr": sr, "hr": hr, "lr": lr, "ema_sr": ema_sr, "teacher_sr": teacher_sr}


def value(loss: nn.Module, sr: Tensor, given: dict[str, Tensor]) -> Tensor:
    return loss(sr, given["hr"], *(given[name] for name in getattr(loss, "takes", ())))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_the_gradient_is_the_slope(loss: nn.Module):
    given = inputs(96)
    sr = given["sr"].requires_grad_()
    (gradient,) = torch.autograd.grad(value(loss, sr, given), sr)
    assert gradient.isfinite().all()
    if isinstance(loss, ArtifactLoss | FocalFrequencyLoss):
        return  # their weights take no gradient: see their own tests
    uphill = 5e-4 * gradient / gradient.square().mean().sqrt()
    with torch.no_grad():
        ahead, behind = (value(loss, sr + sign * uphill, given) for sign in (1, -1))
    assert (ahead - behind).item() / 2 == pytest.approx((gradient * uphill).sum().item(), rel=0.03)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_half_precision_in_changes_little_and_the_result_is_float32(loss: nn.Module):
    given = inputs(32)
    exact = value(loss, given["sr"], given)
    rounded = {name: image.bfloat16() for name, image in given.items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = value(loss, rounded["sr"], rounded)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(exact.item(), rel=0.1)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_equal_images_cost_nothing(loss: nn.Module):
    given = inputs(32)
    given["teacher_sr"] = given["hr"]
    given["lr"] = torch.nn.functional.interpolate(given["hr"], (8, 8), mode="bicubic", antialias=True)
    assert value(loss, given["hr"], given).item() == pytest.approx(0, abs=2e-6)
