from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from esrgan_train.contracts.augmentation import check_augmentation
from esrgan_train.contracts.part import Part
from esrgan_train.data.augment.pair import Pair
from esrgan_train.errors import UserError
from tests.data.augmented import FUNCTIONS

MINE = Part(option="augmentation.mine.function", target="my_parts.Mine")
SIZES: dict[str, int] = {"gt_size": 32, "upscale": 2}


def darker(pair: Pair, factor: float) -> Pair:
    return Pair(*(image * factor for image in pair))


def spoiling(pair: Pair, *_: Any) -> Pair:
    pair.lr[:] = 0.5
    return pair


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda pair, partner: pair, r"calling it fails: TypeError: .*; it is called with \(pair, partner, rng\)"),
        (lambda pair, *_: None, "it makes None; return three tensors"),
        (lambda pair, *_: pair.lr, "it makes a tensor of float32, 3×16×16; return three tensors"),
        (lambda pair, *_: pair[:2], "it makes a tuple"),
        (lambda pair, *_: pair._replace(lr=pair.hr), "its lr is a tensor .* 3×32×32 instead of .* 3×16×16"),
        (lambda pair, *_: pair._replace(hr=pair.hr.double()), "its hr is a tensor of float64"),
        (lambda pair, *_: pair._replace(hr_target=pair.hr.numpy()), "its hr_target is an array of float32"),
        (lambda pair, *_: darker(pair, float("nan")), "its lr holds NaN or infinity"),
        (lambda pair, *_: darker(pair, 255), r"the values of its lr go from .* to 25.*; return values in"),
        (lambda pair, *_: darker(pair, np.random.rand()), "random numbers from np.random; draw from the rng"),
        (lambda pair, *_: darker(pair, torch.rand(()).item()), "random numbers from torch;"),
        (lambda pair, *_: darker(pair, np.random.default_rng().random()), "random numbers from elsewhere"),
        (lambda pair, partner, rng: darker(partner, 1.0), "'NoneType' object is not iterable"),
        (spoiling, "it changes the sample that it is given; let it work on a copy"),
    ],
)  # fmt: skip
def test_what_would_spoil_or_end_a_run_is_refused(function: Callable[..., Any], message: str):
    with pytest.raises(UserError, match=rf"^augmentation\.mine\.function\._target_=my_parts\.Mine: .*{message}"):
        check_augmentation(function, MINE, **SIZES)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("upscale", "channels"), [(1, 3), (4, 1)])
def test_sound_ones_pass(name: str, upscale: int, channels: int):
    check_augmentation(FUNCTIONS[name], MINE, gt_size=32, upscale=upscale, channels=channels)


def test_one_that_takes_a_partner_is_given_one_and_it_must_stay():
    class Swaps:
        takes_partner = True

        def __call__(self, pair: Pair, partner: Pair, rng: np.random.Generator) -> Pair:
            return partner

    check_augmentation(Swaps(), MINE, **SIZES)

    class Spoils(Swaps):
        def __call__(self, pair: Pair, partner: Pair, rng: np.random.Generator) -> Pair:
            partner.hr.zero_()
            return pair

    with pytest.raises(UserError, match="it changes the sample that it is given"):
        check_augmentation(Spoils(), MINE, **SIZES)


def test_global_random_numbers_are_put_back():
    torch.manual_seed(4)
    expected = torch.rand(())
    torch.manual_seed(4)
    check_augmentation(FUNCTIONS["mixup"], MINE, **SIZES)
    assert torch.rand(()) == expected
