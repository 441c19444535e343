"""Blur kernels as pure functions of their size and shape.

All are float64 arrays (size, size) of odd size, centred, symmetric under a half turn, and sum to 1. `sigma_x` and
`sigma_y` are standard deviations in pixels along the axes of an ellipse, which is turned by `angle` radians.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Kernel = NDArray[np.float64]


def gaussian_kernel(size: int, *, sigma_x: float, sigma_y: float, angle: float = 0.0) -> Kernel:
    """Gaussian exp(−q/2), q = xᵀΣ⁻¹x."""
    return _normalized(np.exp(-0.5 * quadratic_form(size, sigma_x, sigma_y, angle)))


def generalized_gaussian_kernel(
    size: int, *, sigma_x: float, sigma_y: float, angle: float = 0.0, beta: float
) -> Kernel:
    """Generalized Gaussian exp(−q^β/2): heavy-tailed for β < 1, box-like for β > 1.

    Pascal et al., "Parameter Estimation for Multivariate Generalized Gaussian Distributions", 2013.
    """
    return _normalized(np.exp(-0.5 * quadratic_form(size, sigma_x, sigma_y, angle) ** beta))


def plateau_kernel(size: int, *, sigma_x: float, sigma_y: float, angle: float = 0.0, beta: float) -> Kernel:
    """Plateau 1/(1 + q^β), flat near the centre, with power-law tails."""
    return _normalized(1.0 / (1.0 + quadratic_form(size, sigma_x, sigma_y, angle) ** beta))


def circular_lowpass_kernel(size: int, *, cutoff: float) -> Kernel:
    """Ideal low-pass cut to a square: rings and overshoots as a sharpening or scaling filter does.

    Its frequency response is 1 inside a circle of radius `cutoff` (radians per pixel, π is the Nyquist
    frequency) and 0 outside; its values are cutoff·J₁(cutoff·r)/(2πr), with cutoff²/(4π) at r = 0.
    """
    axis = _axis(size)
    radius = np.hypot(axis[:, None], axis)
    centre = size // 2
    radius[centre, centre] = 1.0
    kernel = cutoff * bessel_j1(cutoff * radius) / (2 * math.pi * radius)
    kernel[centre, centre] = cutoff**2 / (4 * math.pi)
    return _normalized(kernel)


def bicubic_reduction_kernel(factor: int) -> Kernel:
    """The blur after which the mean of each `factor` × `factor` pixels is MATLAB's bicubic reduction, exactly.

    That reduction weighs pixels by Keys' cubic (a = −0.5) widened by the factor (R. G. Keys, "Cubic Convolution
    Interpolation for Digital Image Processing", 1981). Since shifted copies of the cubic add up to 1, the weights
    are those of a mean, convolved with this kernel of 3·factor pixels, or of one more if the factor is even.
    """
    count = 4 * factor - factor % 2  # of the pixels that a pixel of the result is made of
    distance = np.abs(np.arange(count) - (count - 1) / 2) / factor
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    line = np.polydiv(weights, np.ones(factor))[0]
    return _normalized(np.outer(line, line))


def quadratic_form(size: int, sigma_x: float, sigma_y: float, angle: float) -> Kernel:
    """q = xᵀΣ⁻¹x at every pixel, Σ being diag(sigma_x², sigma_y²) turned by `angle`."""
    axis = _axis(size)
    cosine, sine = math.cos(angle), math.sin(angle)
    along = (cosine * axis + sine * axis[:, None]) / sigma_x
    across = (cosine * axis[:, None] - sine * axis) / sigma_y
    return along**2 + across**2


def bessel_j1(x: Kernel) -> Kernel:
    """Bessel function of the first kind and order 1, for arguments of any shape.

    J₁(x) = 2/π ∫ sin(x sin t) sin t dt over [0, π/2]. The integrand is part of a smooth periodic function,
    so a few more equally spaced points than it has oscillations give all digits.
    """
    points = int(np.abs(x).max() / 4) + 20
    sines = np.sin((np.arange(points) + 0.5) * (math.pi / 2 / points))
    integral: Kernel = np.sin(x[..., None] * sines) @ sines / points
    return integral


def _axis(size: int) -> Kernel:
    return np.arange(size, dtype=np.float64) - size // 2


def _normalized(kernel: Kernel) -> Kernel:
    return np.asarray(kernel / kernel.sum())
