"""Gaussian or Poisson noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import Noise, Place
from esrgan_train.degradation.noise import NoiseChoice


@dataclass(frozen=True, kw_only=True)
class AddNoise(NoiseChoice, StepChoice):
    """Noise of a drawn kind and strength, in colour or gray."""

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Noise:  # noqa: ARG002
        """Noise with a key of its own."""
        return self.draw_noise(rng)

    def place(self, most: Canvas) -> Place:
        """Noise keeps the size."""
        return Place(Noise, *most.now)
