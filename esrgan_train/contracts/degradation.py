"""A degradation makes a small picture of a large one, from nothing but the random numbers that it is given."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.seed import isolate_rng
from numpy.typing import NDArray

from esrgan_train.contracts.part import Part, in_words, size

Image = NDArray[np.float32]
Draw = Callable[[Image, np.random.Generator], Any]

_ROUNDING = 1e-6


def check_degradation(degradation: Draw, part: Part, *, upscale: int, lr_side: int) -> None:
    """Try a degradation, (hr, rng) → lr, that is not this package's, on odd and even numbers of LR pixels.

    Args:
        degradation: float32 HWC in [0, 1] to the same, ``upscale`` times smaller.
        part: where it comes from.
        upscale: of the run.
        lr_side: of the window that a training sample is cut from, in LR pixels.

    Raises:
        UserError: it fails, changes hr, draws from elsewhere than rng, or its result is not such a picture.
    """
    if part.is_ours:
        return
    for height, width in ((lr_side, lr_side + 1), (lr_side + 1, lr_side)):
        lr = _try(degradation, part, (height * upscale, width * upscale, 3), (height, width, 3))
        if lr.min() < -_ROUNDING or lr.max() > 1 + _ROUNDING:
            raise part.refusal(f"its values go from {lr.min():g} to {lr.max():g}", "return values in [0, 1]")


def check_noise(noise: Draw, part: Part, *, upscale: int) -> None:
    """The same for noise that targets keep, (hr, rng) → float32 of the size of hr, to be added."""
    if not part.is_ours:
        shape = (16 * upscale, 17 * upscale, 3)
        _try(noise, part, shape, shape)


def _try(function: Draw, part: Part, shape: tuple[int, ...], wanted: tuple[int, ...]) -> Image:
    hr = np.random.default_rng(0).random(shape, dtype=np.float32)
    kept, given = hr.copy(), size(shape)
    with isolate_rng(include_cuda=False):
        before = _global_states()
        first, second = (_call(function, part, hr, wanted).copy() for _ in range(2))
        drawn = [name for name, state in _global_states().items() if before[name] != state]
    if not np.array_equal(hr, kept):
        raise part.refusal("it changes the picture that it is given", "let it work on a copy: hr.copy()")
    if drawn or not np.array_equal(first, second, equal_nan=True):
        raise part.refusal(
            f"it draws random numbers from {' and '.join(drawn) or 'elsewhere'}",
            "draw from the rng that it is given: a sample must be the same whenever it is made",
        )
    if not np.isfinite(first).all():
        raise part.refusal(f"it makes NaN or infinity of {given}", "return finite values")
    return first


def _call(function: Draw, part: Part, hr: Image, wanted: tuple[int, ...]) -> Image:
    given, remedy = size(hr.shape), f"return a NumPy array of float32, {size(wanted)} here (height, width, RGB)"
    result = part.call(function, hr, np.random.default_rng(1), doing=f"calling it with {given}", remedy=remedy)
    if not isinstance(result, np.ndarray) or result.dtype != np.float32 or result.shape != wanted:
        raise part.refusal(f"it makes {in_words(result)} of {given}", remedy)
    return result


def _global_states() -> dict[str, bytes]:
    return {
        "random": pickle.dumps(random.getstate()),
        "np.random": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
