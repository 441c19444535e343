from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.contracts.losses import check_adversarial_loss, check_image_loss
from esrgan_train.contracts.part import Part
from esrgan_train.errors import UserError
from esrgan_train.losses.adversarial import HingeLoss, LeastSquaresLoss, VanillaLoss
from esrgan_train.losses.pixel import CharbonnierLoss

MINE = Part(option="loss.pixel.function", target="my_parts.Mine")
LOGITS = Part(option="loss.adversarial.function", target="my_parts.Mine")


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    return (sr - hr).abs().mean()


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda sr, hr: (sr - hr).abs(), "the loss is a tensor of float32, 2×3×16×16; return a scalar"),
        (lambda sr, hr: (sr - hr).abs().mean((1, 2, 3)), "is a tensor of float32, 2;"),
        (lambda sr, hr: l1(sr, hr).item(), "is a float;"),
        (lambda sr, hr: (l1(sr, hr), {}), "is a tuple;"),
        (lambda sr, hr: l1(sr.detach(), hr), "is cut off"),
        (lambda sr, hr: torch.tensor(1.0), "is cut off"),
        (lambda sr, hr: l1(sr, hr) / 0, "is inf for random input"),
        (lambda sr, hr: (sr.flatten()[0] * 0).sqrt() + l1(sr, hr), "gradient of the loss is not finite"),
        (lambda sr, hr: l1(sr, hr.mul_(2)), "changes what it is given"),
        (lambda sr, hr: l1(sr, hr.numpy()), "the loss fails: "),
        (lambda sr: sr.mean(), "the loss fails: TypeError"),
    ],
)
def test_an_image_loss_that_cannot_be_trained_with_is_refused(loss: Callable[..., Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^loss\.pixel\.function\._target_=my_parts\.Mine: .*{message}"):
        check_image_loss(loss, MINE, gt_size=16, upscale=4)


@pytest.mark.parametrize("loss", [l1, nn.L1Loss(), nn.MSELoss(), CharbonnierLoss()])
def test_a_sound_image_loss_passes(loss: Callable[..., Any]) -> None:
    check_image_loss(loss, MINE, gt_size=16, upscale=4)


class Running(nn.BatchNorm2d):
    """Keeps the mean of what it has seen."""

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        return l1(super().forward(sr), hr)


def test_the_trial_leaves_a_loss_as_it_was() -> None:
    loss = Running(3)
    check_image_loss(loss, MINE, gt_size=16, upscale=4)
    assert int(loss.num_batches_tracked) == 0  # type: ignore[arg-type]
    assert not loss.running_mean.any()


@pytest.mark.parametrize("loss", [VanillaLoss(), HingeLoss(), LeastSquaresLoss()])
def test_every_adversarial_loss_passes(loss: Any) -> None:
    check_adversarial_loss(loss, LOGITS)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"real": None}, "no method real; give generator"), ({"fake": lambda x: x}, "fake is a tensor of float32")],
)
def test_an_adversarial_loss_needs_three_scalar_terms(change: dict[str, Any], message: str) -> None:
    terms = {name: lambda logits: logits.mean() for name in ("generator", "real", "fake")}
    with pytest.raises(UserError, match=rf"^loss\.adversarial\.function\._target_=my_parts\.Mine: .*{message}"):
        check_adversarial_loss(SimpleNamespace(**{**terms, **change}), LOGITS)
