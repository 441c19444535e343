"""Blur by a kernel of the published families."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import Blur, Place
from esrgan_train.degradation.kernel_choice import KernelChoice, draw_kernel


@dataclass(frozen=True, kw_only=True)
class BlurImage(StepChoice):
    """Correlation with a drawn kernel, whose sizes are pixels of the image as it is then."""

    kernel: KernelChoice

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Blur:  # noqa: ARG002
        """One kernel."""
        return Blur(draw_kernel(rng, self.kernel))

    def place(self, most: Canvas) -> Place:
        """With room for the largest kernel."""
        return Place(Blur, *most.now, kernel=self.kernel.size[1])
