from __future__ import annotations

import math

import numpy as np
import pytest

from esrgan_train.degradation.steps.halftone import DOTS, Halftone, Screen, thresholds

SIDE = 240
CMYK = tuple(Screen(angle, (0.1 * n, 0.3 * n)) for n, angle in enumerate((15.0, 75.0, 0.0, 45.0)))


def gray(tone, side=SIDE):
    return np.full((side, side, 3), tone, dtype=np.float32)


def strongest(luma):
    """Cycles per pixel (x, y), up to the sign, of the strongest wave."""
    window = np.hanning(len(luma))[:, None] * np.hanning(luma.shape[1])
    spectrum = np.abs(np.fft.fft2((luma - luma.mean()) * window, s=(1024, 1024)))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    wave = np.array([np.fft.fftfreq(1024)[column], np.fft.fftfreq(1024)[row]])
    return wave if wave[0] > 1e-9 else -wave


@pytest.mark.parametrize("dot", DOTS)
def test_thresholds_are_spread_evenly(dot):
    values = np.sort(thresholds((SIDE, SIDE), 7.3, dot, Screen(31, (0.2, 0.6))).ravel())
    np.testing.assert_allclose(values, (np.arange(values.size) + 0.5) / values.size, atol=0.02)


@pytest.mark.parametrize("dot", DOTS)
@pytest.mark.parametrize("period", [3.1, 5.2, 8.3])  # whole ones meet a screen of 0° at the same few points
@pytest.mark.parametrize("tone", [0.0, 0.1, 0.5, 0.85, 1.0])
def test_tone_is_kept(dot, period, tone):
    for screens in (CMYK[3:], CMYK):
        made = Halftone(period, dot, screens, 0.7, 0.2 * period).render(gray(tone))
        np.testing.assert_allclose(made.mean((0, 1)), tone, atol=0.012)


def test_colour_is_kept_on_average():
    colour = np.float32([0.8, 0.5, 0.3])
    made = Halftone(5.0, "round", CMYK, 0.6, 1.0).render(np.broadcast_to(colour, (SIDE, SIDE, 3)))
    np.testing.assert_allclose(made.mean((0, 1)), colour, atol=0.02)


@pytest.mark.parametrize("period", [3.0, 5.2, 8.0])
@pytest.mark.parametrize("degrees", [0.0, 18.0, 45.0, 70.0])
def test_lines_have_the_drawn_period_and_angle(period, degrees):
    made = Halftone(period, "line", (Screen(degrees, (0.3, 0.1)),), 1.0, 0.0).render(gray(0.5))
    angle = math.radians(degrees)
    np.testing.assert_allclose(
        strongest(made[..., 0]), np.array([math.cos(angle), math.sin(angle)]) / period, atol=2e-3
    )


def test_each_ink_has_its_own_angle():
    made = Halftone(6.0, "line", CMYK, 0.0, 0.0).render(gray(0.5))
    for channel, degrees in enumerate((15, 75, 0)):
        angle = math.radians(degrees)
        wave = np.array([math.cos(angle), math.sin(angle)]) / 6
        np.testing.assert_allclose(strongest(made[..., channel]), wave, atol=2e-3)


def test_dots_are_inked_and_the_scanner_softens_them():
    sharp, soft = (Halftone(8.0, "round", CMYK[3:], 1.0, sigma).render(gray(0.5)) for sigma in (0.0, 3.0))
    assert sharp.min() == 0
    assert sharp.max() == 1
    assert soft.std() < 0.4 * sharp.std()
