from __future__ import annotations

import math

import numpy as np
import pytest
from basicsr.data import degradations as published
from PIL import Image
from scipy.signal import convolve
from scipy.special import j1
from scipy.stats import multivariate_normal

from esrgan_train.degradation.kernels import (
    bessel_j1,
    bicubic_reduction_kernel,
    circular_lowpass_kernel,
    gaussian_kernel,
    generalized_gaussian_kernel,
    plateau_kernel,
)


@pytest.mark.parametrize("factor", range(1, 9))
def test_after_the_bicubic_blur_a_mean_is_pillows_bicubic_reduction(factor):
    """Of a single bright pixel, at any place, away from the borders; Pillow's kernel has a = −0.5, too."""
    kernel = bicubic_reduction_kernel(factor)
    assert kernel.shape == 2 * (3 * factor + 1 - factor % 2,)
    side = 10 * factor
    for place in range(4 * factor, 5 * factor):
        spot = np.zeros((side, side), np.float32)
        spot[place, 5 * factor] = 1
        blurred = convolve(spot, kernel.astype(np.float32), mode="same")
        found = blurred.reshape(10, factor, 10, factor).mean(axis=(1, 3))
        expected = Image.fromarray(spot).resize((10, 10), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(found, np.asarray(expected), atol=1e-6)


SIZES = [7, 13, 21]
ELLIPSES = [(0.3, 2.5, 0.0), (1.0, 1.0, 0.7), (2.7, 0.9, -2.1), (1.4, 3.0, math.pi / 2)]


def grid(size: int) -> np.ndarray:
    axis = np.arange(size) - size // 2
    return np.stack(np.meshgrid(axis, axis), axis=-1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("sigma_x", "sigma_y", "angle"), ELLIPSES)
def test_gaussian_is_the_bivariate_normal_density(size, sigma_x, sigma_y, angle):
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    covariance = turn @ np.diag([sigma_x**2, sigma_y**2]) @ turn.T
    density = multivariate_normal([0, 0], covariance).pdf(grid(size))
    kernel = gaussian_kernel(size, sigma_x=sigma_x, sigma_y=sigma_y, angle=angle)
    np.testing.assert_allclose(kernel, density / density.sum(), atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("beta", [0.5, 1.0, 1.7, 4.0])
@pytest.mark.parametrize(("sigma_x", "sigma_y", "angle"), ELLIPSES)
def test_other_shapes_equal_the_published_code(size, beta, sigma_x, sigma_y, angle):
    ellipse = {"sigma_x": sigma_x, "sigma_y": sigma_y, "angle": angle}
    theirs = (size, sigma_x, sigma_y, angle, beta)
    expected = published.bivariate_generalized_Gaussian(*theirs, isotropic=False)
    np.testing.assert_allclose(generalized_gaussian_kernel(size, **ellipse, beta=beta), expected, atol=1e-12)
    expected = published.bivariate_plateau(*theirs, isotropic=False)
    np.testing.assert_allclose(plateau_kernel(size, **ellipse, beta=beta), expected, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("cutoff", [math.pi / 5, 1.3, math.pi])
def test_lowpass_follows_the_bessel_function(size, cutoff):
    radius = np.linalg.norm(grid(size), axis=-1)
    with np.errstate(invalid="ignore"):
        expected = np.where(
            radius > 0, cutoff * j1(cutoff * radius) / (2 * np.pi * radius), cutoff**2 / (4 * np.pi)
        )
    np.testing.assert_allclose(circular_lowpass_kernel(size, cutoff=cutoff), expected / expected.sum(), atol=1e-12)
    np.testing.assert_allclose(
        circular_lowpass_kernel(size, cutoff=cutoff),
        published.circular_lowpass_kernel(cutoff, size),
        atol=1e-12,
    )


def test_bessel_function_equals_scipy():
    for x in (np.linspace(-50, 250, 3000).reshape(3, -1), np.zeros(2), np.array([1e-9, 3.8317059702075125])):
        np.testing.assert_allclose(bessel_j1(x), j1(x), atol=1e-14)


def test_lowpass_passes_low_and_stops_high_frequencies():
    response = np.abs(np.fft.fft2(circular_lowpass_kernel(99, cutoff=math.pi / 2), s=(400, 400)))
    assert response[40, 0] == pytest.approx(1, abs=0.05)  # a fifth of the Nyquist frequency
    assert response[160, 0] == pytest.approx(0, abs=0.05)  # four fifths
