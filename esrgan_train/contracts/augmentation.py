"""An augmentation alters a finished sample, from nothing but the random numbers that it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor

from esrgan_train.contracts.global_random import global_states
from esrgan_train.contracts.part import Part, in_words, size
from esrgan_train.data.augment.pair import Pair

_DRAWS = 8  # that are tried
_ROUNDING = 1e-6
_REMEDY = "return three tensors like those that it is given: lr, hr and hr_target"


def check_augmentation(function: Any, part: Part, *, gt_size: int, upscale: int, channels: int = 3) -> None:
    """Try an augmentation, (pair, partner, rng) → pair, that is not this package's, on two random samples.

    Args:
        function: of two ``data.augment.pair.Pair``; instead of the second it is given None, unless its
            ``takes_partner`` is true.
        part: where it comes from.
        gt_size: side of HR, in pixels.
        upscale: of the run.
        channels: of the images.

    Raises:
        UserError: it fails, changes what it is given, draws from elsewhere than rng, or its result is no sample.
    """
    if part.is_ours:
        return
    for seed in range(_DRAWS):
        pairs = [_random_pair(gt_size, upscale, channels, key) for key in (2 * seed, 2 * seed + 1)]
        _try(function, part, pairs[0], pairs[1] if getattr(function, "takes_partner", False) else None, seed)


def _random_pair(gt_size: int, upscale: int, channels: int, key: int) -> Pair:
    draw = torch.Generator().manual_seed(key)
    sides = gt_size // upscale, gt_size, gt_size
    return Pair(*(torch.rand(channels, side, side, generator=draw) for side in sides))


def _try(function: Any, part: Part, pair: Pair, partner: Pair | None, seed: int) -> None:
    kept = [image.clone() for image in (*pair, *(partner or ()))]
    with isolate_rng(include_cuda=False):
        before = global_states()
        first, second = (_call(function, part, pair, partner, seed) for _ in range(2))
        drawn = [name for name, state in global_states().items() if before[name] != state]
    if not all(map(torch.equal, kept, (*pair, *(partner or ())))):
        raise part.refusal("it changes the sample that it is given", "let it work on a copy: pair.lr.clone()")
    if drawn or not all(map(torch.equal, first, second)):
        raise part.refusal(
            f"it draws random numbers from {' and '.join(drawn) or 'elsewhere'}",
            "draw from the rng that it is given: a sample must be the same whenever it is made",
        )


def _call(function: Any, part: Part, pair: Pair, partner: Pair | None, seed: int) -> list[Tensor]:
    remedy = "it is called with (pair, partner, rng), see docs/data.md"
    rng = np.random.default_rng(seed)
    result = part.call(function, pair, partner, rng, doing="calling it", remedy=remedy)
    if not isinstance(result, tuple) or len(result) != len(pair):
        raise part.refusal(f"it makes {in_words(result)}", _REMEDY)
    for name, image, given in zip(Pair._fields, result, pair, strict=True):
        _check_image(part, name, image, given)
    return [image.clone() for image in result]


def _check_image(part: Part, name: str, image: Any, given: Tensor) -> None:
    if not isinstance(image, Tensor) or (image.dtype, image.shape) != (given.dtype, given.shape):
        raise part.refusal(f"its {name} is {in_words(image)} instead of float32, {size(given.shape)}", _REMEDY)
    if not image.isfinite().all():
        raise part.refusal(f"its {name} holds NaN or infinity", "return finite values")
    least, most = float(image.min()), float(image.max())
    if least < -_ROUNDING or most > 1 + _ROUNDING:
        raise part.refusal(f"the values of its {name} go from {least:g} to {most:g}", "return values in [0, 1]")
