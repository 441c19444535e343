"""Carrying out a drawing on the CPU, with OpenCV and libjpeg."""

from __future__ import annotations

import numpy as np

from esrgan_train.degradation.blur import blur
from esrgan_train.degradation.drawing import Blur, Clamp, Drawing, HostStep, Jpeg, Noise, Resize, Step
from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.degradation.jpeg import compress_jpeg
from esrgan_train.degradation.noise import add_noise
from esrgan_train.degradation.resize import resize
from esrgan_train.images.decode import to_float


def render(hr: Image, drawing: Drawing) -> Image:
    """What the drawing makes of an image, rounded to the 8-bit grid.

    Shape:
        (H, W, 3) float32 RGB, nominally in [0,1] → (height, width, 3) of the last `Resize`, a new array.
    """
    image = hr
    for step in drawing:
        image = carry_out(step, image)
    return to_float(to_levels(image))


def carry_out(step: Step | None, image: Image) -> Image:
    """One step; the image itself where nothing happens."""
    match step:
        case Blur(kernel):
            return blur(image, kernel)
        case Resize(height, width, mode):
            return resize(image, height, width, mode)
        case Noise():
            return add_noise(image, step)
        case Clamp():
            return np.clip(image, 0.0, 1.0)
        case Jpeg(quality, nearest_chroma):
            return compress_jpeg(image, quality, nearest_chroma=nearest_chroma)
        case HostStep():
            return step.render(image)
        case None:
            return image
