"""A degradation makes a small picture of a large one, from nothing but the random numbers that it is given.

One that draws first (``draw``, ``places``) may be rendered elsewhere, from the drawing alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from lightning.pytorch.utilities.seed import isolate_rng
from numpy.typing import NDArray

from esrgan_train.contracts.global_random import global_states
from esrgan_train.contracts.part import Part, in_words, size
from esrgan_train.degradation.batched.renderer import Drawable
from esrgan_train.degradation.drawing import Blur, Drawing, Place, Resize, Step
from esrgan_train.degradation.rendering import render

Image = NDArray[np.float32]
Draw = Callable[[Image, np.random.Generator], Any]

_ROUNDING = 1e-6
_DRAWINGS = 8  # that are tried


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
        lr = try_twice(degradation, part, (height * upscale, width * upscale, 3), (height, width, 3))
        if lr.min() < -_ROUNDING or lr.max() > 1 + _ROUNDING:
            raise part.refusal(f"its values go from {lr.min():g} to {lr.max():g}", "return values in [0, 1]")
    drawable: Any = degradation
    if isinstance(drawable, Drawable) and hasattr(drawable, "device"):
        side = lr_side * upscale
        try_drawing(drawable, part, (side, side))


def try_drawing(degradation: Any, part: Part, shape: tuple[int, int]) -> None:
    """A few drawings: each a function of the rng alone, within its places, and rendered to the same picture."""
    hr = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    remedy = "return a tuple of esrgan_train.degradation.drawing.Place, one for each step of draw"
    places = part.call(degradation.places, shape, doing=f"places for {size(shape)}", remedy=remedy)
    if not isinstance(places, tuple) or not all(isinstance(place, Place) for place in places):
        raise part.refusal(f"places gives {in_words(places)}", remedy)
    for seed in range(_DRAWINGS):
        drawing, again = (_draw(degradation, part, shape, seed) for _ in range(2))
        if pickle.dumps(drawing) != pickle.dumps(again):
            raise part.refusal("draw gives another drawing for the same rng", "draw from the rng that it is given")
        if fault := _misplaced(drawing, places, shape):
            raise part.refusal(fault, remedy)
        made = part.call(degradation, hr, np.random.default_rng(seed), doing="calling it", remedy="fix it")
        if not np.array_equal(render(hr, drawing), made):
            raise part.refusal(
                "it does not make what it draws",
                "let it return rendering.render(hr, self.draw(hr.shape[:2], rng))",
            )


def _draw(degradation: Any, part: Part, shape: tuple[int, int], seed: int) -> Drawing:
    remedy = "return a tuple of steps of esrgan_train.degradation.drawing, or None"
    rng = np.random.default_rng(seed)
    drawing = part.call(degradation.draw, shape, rng, doing=f"drawing for {size(shape)}", remedy=remedy)
    if not isinstance(drawing, tuple) or not all(step is None or isinstance(step, Step) for step in drawing):
        raise part.refusal(f"draw gives {in_words(drawing)}", remedy)
    return drawing


def _misplaced(drawing: Drawing, places: tuple[Place, ...], shape: tuple[int, int]) -> str | None:
    """What of a drawing does not fit its places."""
    if len(drawing) != len(places):
        return f"draw gives {len(drawing)} steps, places {len(places)}"
    height, width = shape
    for number, (step, place) in enumerate(zip(drawing, places, strict=True)):
        if step is not None and type(step) is not place.kind:
            return f"at place {number} draw gives {type(step).__name__}, places {place.kind.__name__}"
        if isinstance(step, Resize):
            height, width = step.height, step.width
        if height > place.height or width > place.width:
            return f"at place {number} draw makes {height}×{width}, places allows {place.height}×{place.width}"
        if isinstance(step, Blur) and len(step.kernel) > place.kernel:
            return (
                f"at place {number} draw gives a kernel of {len(step.kernel)} pixels, places allows {place.kernel}"
            )
    return None


def check_noise(noise: Draw, part: Part, *, upscale: int) -> None:
    """The same for noise that targets keep, (hr, rng) → float32 of the size of hr, to be added."""
    if not part.is_ours:
        shape = (16 * upscale, 17 * upscale, 3)
        try_twice(noise, part, shape, shape)


def try_twice(function: Draw, part: Part, shape: tuple[int, ...], wanted: tuple[int, ...]) -> Image:
    """What a function makes of a random picture of that shape, with the same rng twice.

    Raises:
        UserError: it fails, its result is not float32 of the shape ``wanted`` or not finite, it changes what it
            is given, or draws from elsewhere than rng.
    """
    hr = np.random.default_rng(0).random(shape, dtype=np.float32)
    kept, given = hr.copy(), size(shape)
    with isolate_rng(include_cuda=False):
        before = global_states()
        first, second = (_call(function, part, hr, wanted).copy() for _ in range(2))
        drawn = [name for name, state in global_states().items() if before[name] != state]
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
