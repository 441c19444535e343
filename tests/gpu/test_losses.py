"""Losses on the GPU, and their gradients, are those of double precision on the CPU."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.kernels import exact_float32
from esrgan_train.losses.adversarial import HingeLoss, LeastSquaresLoss, VanillaLoss
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.losses.pixel import CharbonnierLoss

pytestmark = pytest.mark.gpu


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def near(actual: Tensor, expected: Tensor, bound: float) -> bool:
    return float((actual.cpu().double() - expected.double()).norm()) <= bound * float(expected.double().norm())


@pytest.mark.parametrize("loss", [nn.L1Loss(), nn.MSELoss(), CharbonnierLoss()], ids=lambda x: type(x).__name__)
def test_a_pixel_loss(loss: nn.Module, device: torch.device):
    pair = []
    for place, number in ((device, torch.float32), ("cpu", torch.float64)):
        sr = drawn(0, 2, 3, 32, 24).to(place, number).requires_grad_()
        value = loss(sr, drawn(1, 2, 3, 32, 24).to(place, number))
        (gradient,) = torch.autograd.grad(value, sr)
        pair.append((value.detach(), gradient))
    (value, gradient), (expected, expected_gradient) = pair
    assert value.device.type == device.type
    assert near(value, expected, 1e-5)
    assert near(gradient, expected_gradient, 1e-5)


@pytest.mark.parametrize("loss", [VanillaLoss(), LeastSquaresLoss(), HingeLoss()], ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("term", ["generator", "real", "fake"])
def test_a_term_of_an_adversarial_loss(loss: Any, term: str, device: torch.device):
    logits = 6 * drawn(2, 2, 1, 32, 24) - 3
    pair = []
    for place in (device, torch.device("cpu")):
        given = logits.to(place).requires_grad_()
        value = getattr(loss, term)(given)
        pair.append((value.detach(), *torch.autograd.grad(value, given)))
    assert pair[0][0].device.type == device.type
    assert all(near(actual, expected, 1e-5) for actual, expected in zip(*pair, strict=True))


@pytest.mark.parametrize("number", ["32", "bf16"])
def test_the_perceptual_loss(number: str, device: torch.device):
    loss = PerceptualLoss(features="random")
    sr, hr = drawn(3, 1, 3, 48, 48), drawn(4, 1, 3, 48, 48)
    pair = []
    for made, place in ((deepcopy(loss).to(device), device), (loss, torch.device("cpu"))):
        given = sr.to(place).requires_grad_()
        lower = number == "bf16" and made is not loss
        with exact_float32(), torch.autocast(place.type, dtype=torch.bfloat16, enabled=lower):
            value = made(given, hr.to(place))
        assert value.dtype == torch.float32
        pair.append((value.detach(), *torch.autograd.grad(value, given)))
    assert pair[0][0].device.type == device.type
    assert near(pair[0][0], pair[1][0], 1e-4 if number == "32" else 2e-2)
    assert near(pair[0][1], pair[1][1], 2e-3 if number == "32" else 0.3)
