from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

from esrgan_train.contracts.networks import check_discriminator
from esrgan_train.contracts.part import Part
from esrgan_train.errors import UserError

MINE = Part(option="discriminator", target="my_parts.Judge")


class Judge(nn.Module):
    def __init__(self, spoil: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3)
        self.spoil = spoil

    def forward(self, image: Tensor) -> Any:
        return self.spoil(image, self.conv(image))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda image, logits: [logits, "features"], "makes a str of 2×3×16×16; return one tensor"),
        (lambda image, logits: [logits, image], "cut off from its weights"),
        (lambda image, logits: [], "makes a list of 2×3×16×16; return one tensor .* or a list"),
        (lambda image, logits: logits > 0, "makes a tensor of bool"),
        (lambda image, logits: logits / 0, "NaN or infinity"),
        (lambda image, logits: logits.detach(), "cut off from its weights"),
        (lambda image, logits: logits.view(7, 7), "judging 2×3×16×16 fails: RuntimeError: .*data.gt_size"),
        (lambda image, logits: logits + image.sub_(0.5).mean(), "changes the picture"),
    ],
)
def test_what_no_run_could_use_is_refused(spoil: Callable[[Tensor, Tensor], Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^discriminator\._target_=my_parts\.Judge: .*{message}"):
        check_discriminator(Judge(spoil), MINE, gt_size=16)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _, logits: logits,
        lambda _, logits: logits.mean((1, 2, 3)),
        lambda _, logits: [logits, logits.mean((2, 3))],
        lambda _, logits: (logits,),
    ],
)
def test_logits_of_any_shape_pass(spoil: Callable[[Tensor, Tensor], Any]) -> None:
    check_discriminator(Judge(spoil), MINE, gt_size=16)


def test_one_without_weights_is_refused() -> None:
    with pytest.raises(UserError, match="no weights"):
        check_discriminator(nn.AvgPool2d(2), MINE, gt_size=16)
