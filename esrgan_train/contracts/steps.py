"""A step of a degradation is drawn from nothing but the rng that it is given, and rendered from the drawing."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
from omegaconf import DictConfig

from esrgan_train.contracts.degradation import Image, try_drawing, try_twice
from esrgan_train.contracts.part import Part, in_words, size
from esrgan_train.degradation.chain import Canvas, Chain, StepChoice, size_after
from esrgan_train.degradation.drawing import HostStep, Place, Step
from esrgan_train.degradation.rendering import carry_out

_BEYOND = 1.0  # how far a step's result may leave [0, 1]: the next ones take a little, but 0 to 255 is a mistake


def check_steps(chain: Chain, node: DictConfig, *, upscale: int, lr_side: int) -> None:
    """Try those steps of a chain that are not this package's, on pictures of HR's and of LR's size.

    Args:
        chain: what ``node`` describes.
        node: of the configuration, ``degradation``.
        upscale: of the run.
        lr_side: of the window that a training sample is cut from, in LR pixels.

    Raises:
        UserError: one fails, draws from elsewhere than its rng, changes its picture, or makes no such picture.
    """
    parts = {name: Part.of(node.steps[name]) for name in chain.steps}
    own = [name for name, part in parts.items() if not part.is_ours]
    low = lr_side, lr_side + 1
    for name in own:
        for now in ((lr_side * upscale, (lr_side + 1) * upscale), low):
            _check_step(chain.steps[name], parts[name], Canvas(now, low))
    if own and not chain.only_on_cpu:
        try_drawing(chain, Part.of(node), (lr_side * upscale, lr_side * upscale))


def _check_step(choice: StepChoice, part: Part, canvas: Canvas) -> None:
    wanted = size_after(_drawn(choice, part, canvas), canvas.now)
    made = try_twice(_Rendered(choice, canvas), part, (*canvas.now, 3), (*wanted, 3))
    if made.min() < -_BEYOND or made.max() > 1 + _BEYOND:
        raise part.refusal(f"its values go from {made.min():g} to {made.max():g}", "return values in about [0, 1]")


def _drawn(choice: StepChoice, part: Part, canvas: Canvas) -> Step:
    """A step that the choice draws, the same for the same rng."""
    remedy = "return a step: a dataclass derived from esrgan_train.degradation.drawing.HostStep"
    doing = f"drawing for {size(canvas.now)}"
    rngs = (np.random.default_rng(1) for _ in range(2))
    first, second = (part.call(choice.draw, canvas, rng, doing=doing, remedy=remedy) for rng in rngs)
    if not isinstance(first, Step):
        raise part.refusal(f"draw gives {in_words(first)}", remedy)
    if pickle.dumps(first) != pickle.dumps(second):
        raise part.refusal("draw gives another step for the same rng", "draw from the rng that it is given")
    place = choice.place(canvas)
    if isinstance(first, HostStep) and isinstance(place, Place):
        raise part.refusal("only the CPU renders what it draws", "leave its method place out")
    return first


@dataclass(frozen=True)
class _Rendered:
    """Drawing and carrying out in one."""

    choice: StepChoice
    canvas: Canvas

    def __call__(self, image: Image, rng: np.random.Generator) -> Image:
        return carry_out(self.choice.draw(self.canvas, rng), image)
