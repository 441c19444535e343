from __future__ import annotations

import math

import numpy as np
import pytest

from esrgan_train.degradation.steps.moire import Moire

SIDE = 64


def sampled_grid(step: Moire, shift: float) -> np.ndarray:
    """The grid's formula at the pixels' centres, in double precision."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    angle = math.radians(step.degrees)
    across = (math.cos(angle) * x + math.sin(angle) * y) / step.pitch
    down = (math.cos(angle) * y - math.sin(angle) * x) / step.pitch
    bent = step.bend * ((y - step.centre[0]) ** 2 + (x - step.centre[1]) ** 2) / 100**2
    grid = 1 + step.contrast * np.cos(2 * np.pi * (across + bent + step.phases[0] - shift))
    grid *= 1 + step.contrast * np.cos(2 * np.pi * (down + bent + step.phases[1]))
    return grid


@pytest.mark.parametrize("pitch", [0.5, 0.95, 1.07, 1.4, 3.0])
@pytest.mark.parametrize("stripes", [False, True])
def test_is_a_grid_that_is_sampled(pitch, stripes):
    step = Moire(pitch, 3.0, 0.2, stripes, 1.2, (20.0, 40.0), (0.3, 0.8))
    made = step.render(np.full((SIDE, SIDE, 3), 0.5, dtype=np.float32))
    for channel in range(3):
        expected = 0.5 * sampled_grid(step, channel / 3 if stripes else 0)
        np.testing.assert_allclose(made[..., channel], expected, atol=1e-4)


@pytest.mark.parametrize(("pitch", "degrees"), [(0.95, 0.0), (1.04, 2.0), (1.0, 4.0)])
def test_beats_at_the_difference_of_both_frequencies(pitch, degrees):
    made = Moire(pitch, degrees, 0.1, False, 0.0, (0, 0), (0, 0)).render(np.full((256, 256, 3), 0.5, np.float32))
    spectrum = np.abs(np.fft.fft2((made[..., 0] - made.mean()) * np.hanning(256) * np.hanning(256)[:, None]))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    angle = math.radians(degrees)
    beat = math.hypot(math.cos(angle) / pitch - 1, math.sin(angle) / pitch)
    np.testing.assert_allclose(np.hypot(np.fft.fftfreq(256)[row], np.fft.fftfreq(256)[column]), beat, atol=0.004)


def test_black_stays_and_far_pixels_are_as_exact_as_near_ones():
    step = Moire(0.97, 3.0, 0.2, True, 0.0, (0, 0), (0.1, 0.2))
    assert step.render(np.zeros((9, 9, 3), np.float32)).max() == 0
    across = step.periods((4, 4001))[0]
    expected = math.cos(math.radians(3)) / 0.97 * 4000 + 0.1
    assert abs((across[0, 4000] - expected + 0.5) % 1 - 0.5) < 1e-5
