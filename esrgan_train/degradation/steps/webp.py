"""Storing as a WebP file, as the web does."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.degradation.ranges import Qualities
from esrgan_train.images.decode import to_float


@dataclass(frozen=True)
class Webp(HostStep):
    """A lossy WebP file of libwebp's quality, 1 to 100: 4:2:0, limited range, one frame of VP8."""

    quality: int

    def render(self, image: Image) -> Image:
        """Encode with libwebp through OpenCV, and decode; both clamped to [0,1] and rounded to 8 bits."""
        options = [cv2.IMWRITE_WEBP_QUALITY, self.quality]
        encoded, file = cv2.imencode(".webp", cv2.cvtColor(to_levels(image), cv2.COLOR_RGB2BGR), options)
        assert encoded, image.shape
        decoded = cv2.imdecode(file, cv2.IMREAD_COLOR)
        assert decoded is not None, "libwebp has just written this file"
        return to_float(np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8))


@dataclass(frozen=True, kw_only=True)
class StoreWebp(StepChoice):
    """A WebP file of some quality."""

    quality: Qualities = (30, 95)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Webp:  # noqa: ARG002
        """One quality, all equally likely."""
        return Webp(int(rng.integers(*self.quality, endpoint=True)))
