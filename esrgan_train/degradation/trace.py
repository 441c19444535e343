"""A drawing carried out step by step, to be looked at."""

from __future__ import annotations

from typing import NamedTuple

from esrgan_train.degradation.drawing import Clamp, Drawing, Step
from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.degradation.rendering import carry_out
from esrgan_train.images.decode import to_float


class Done(NamedTuple):
    """A step that happened, the size (height, width) of the image that it got, and what it made of that."""

    step: Step
    before: tuple[int, int]
    image: Image


def trace(hr: Image, drawing: Drawing) -> list[Done]:
    """The steps of a drawing that do anything, each with its result; the last is bit for bit that of ``render``.

    Places where nothing happens this time are left out, and so are resizes to the size that the image has. A
    clamp, which no picture on a screen shows, counts to the step before it.

    Shape:
        hr (H, W, 3) float32 RGB, nominally in [0,1] → images (height, width, 3) of any sizes.
    """
    done: list[Done] = []
    image = hr
    for step in drawing:
        before, image = image, carry_out(step, image)
        if isinstance(step, Clamp):
            if done:
                done[-1] = done[-1]._replace(image=image)
        elif step is not None and image is not before:
            done.append(Done(step, (before.shape[0], before.shape[1]), image))
    if done:
        done[-1] = done[-1]._replace(image=to_float(to_levels(image)))
    return done
