"""Halos along edges, as over-sharpening leaves them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from annotated_types import Ge, Le

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.blur import blur
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.kernels import Kernel, circular_lowpass_kernel, gaussian_kernel
from esrgan_train.degradation.ranges import Range

_HALF = math.sqrt(2 * math.log(2))  # the frequency times sigma at which a Gaussian's response is 1/2


@dataclass(frozen=True)
class Halo(HostStep):
    """Unsharp masking: amount times what a low-pass removes is added, and the result clipped."""

    amount: float
    radius: float  # pixels: the Gaussian's sigma
    ringing: bool  # an ideal low-pass with the Gaussian's half-response frequency: several ripples beside an edge
    luma: bool  # sharpens luma alone, as players and encoders do
    horizontal: bool  # along rows alone, as analog video does

    def render(self, image: Image) -> Image:
        """Sharpened, each channel alone or all by the luma's residual; clamped to [0,1]."""
        source = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32) if self.luma else image
        residual: Image = source - blur(source, self._low_pass())
        residual *= np.float32(self.amount)
        sharpened: Image = image + (residual[..., None] if self.luma else residual)
        return np.clip(sharpened, 0.0, 1.0, out=sharpened)

    def _low_pass(self) -> Kernel:
        reach = math.ceil((6 if self.ringing else 4) * self.radius)
        if self.ringing:
            kernel = circular_lowpass_kernel(2 * reach + 1, cutoff=min(math.pi, _HALF / self.radius))
        else:
            kernel = gaussian_kernel(2 * reach + 1, sigma_x=self.radius, sigma_y=self.radius)
        if self.horizontal:
            row = kernel.sum(0)
            kernel = np.zeros_like(kernel)
            kernel[reach] = row
        return kernel


@dataclass(frozen=True, kw_only=True)
class AddHalo(StepChoice):
    """Over-sharpening of drawn strength and width."""

    amount: Range[Annotated[float, Ge(0), Le(10)]] = (0.4, 2.0)
    radius: Range[Annotated[float, Ge(0.2), Le(8)]] = (0.5, 2.5)  # pixels of the image as it is then
    ringing_prob: Fraction = 0.2
    luma_prob: Fraction = 0.7
    horizontal_prob: Fraction = 0.1

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Halo:  # noqa: ARG002
        """One halo."""
        amount, radius = rng.uniform(*self.amount), rng.uniform(*self.radius)
        ringing, luma, horizontal = rng.random(3) < (self.ringing_prob, self.luma_prob, self.horizontal_prob)
        return Halo(amount, radius, bool(ringing), bool(luma), bool(horizontal))
