"""A degradation makes a small picture of a large one, by the random numbers that it is given alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.contracts.part import Part, in_words
from esrgan_train.contracts.randomness import shared_randomness_kept, shared_states

Image = NDArray[np.float32]

_ROUNDING = 1e-6


def check_degradation(
    degradation: Callable[[Image, np.random.Generator], Any], part: Part, *, upscale: int, lr_side: int
) -> None:
    """Try a degradation that is not this package's on pictures of odd and even numbers of LR pixels.

    Args:
        degradation: (hr, rng) → lr.
        part: where it comes from.
        upscale: of the run.
        lr_side: of the window that a training sample is cut from, in LR pixels.

    Raises:
        UserError: it fails, changes hr, draws from elsewhere than rng, or its result is no float32 picture in
            [0, 1] of the size that ``upscale`` wants.
    """
    if part.is_ours:
        return
    for height, width in ((lr_side, lr_side + 1), (lr_side + 1, lr_side)):
        lr = _call_twice(degradation, part, (height * upscale, width * upscale, 3), (height, width, 3))
        if lr.min() < -_ROUNDING or lr.max() > 1 + _ROUNDING:
            raise part.refusal(f"its values go from {lr.min():g} to {lr.max():g}", "return values in [0, 1]")


def check_noise(noise: Callable[[Image, np.random.Generator], Any], part: Part, *, upscale: int) -> None:
    """The same for noise that targets keep: (hr, rng) → float32 of the size of hr, to be added."""
    if part.is_ours:
        return
    size = (16 * upscale, 17 * upscale, 3)
    _call_twice(noise, part, size, size)


def _call_twice(
    function: Callable[[Image, np.random.Generator], Any],
    part: Part,
    size: tuple[int, int, int],
    wanted: tuple[int, int, int],
) -> Image:
    """What it makes of a random picture, if it is the same twice and all that can be asked of both kinds."""
    hr = np.random.default_rng(0).random(size, dtype=np.float32)
    kept = hr.copy()
    given = "×".join(map(str, size))
    remedy = f"return a NumPy array of float32, {'×'.join(map(str, wanted))} here (height, width, RGB)"
    made = []
    with shared_randomness_kept():
        before = shared_states()
        for _ in range(2):
            result = part.call(
                function, hr, np.random.default_rng(1), doing=f"calling it with {given}", remedy=remedy
            )
            if not isinstance(result, np.ndarray) or result.dtype != np.float32 or result.shape != wanted:
                raise part.refusal(f"it makes {in_words(result)} of {given}", remedy)
            made.append(result.copy())
        drawn = [name for name, state in shared_states().items() if before[name] != state]
    if not np.array_equal(hr, kept):
        raise part.refusal("it changes the picture that it is given", "let it work on a copy: hr.copy()")
    if drawn or not np.array_equal(made[0], made[1], equal_nan=True):
        raise part.refusal(
            f"it draws random numbers from {' and '.join(drawn) or 'elsewhere'}",
            "draw from the rng that it is given: a sample must be the same whenever it is made",
        )
    if not np.isfinite(made[0]).all():
        raise part.refusal(f"it makes NaN or infinity of {given}", "return finite values")
    return made[0]
