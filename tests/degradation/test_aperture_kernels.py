from __future__ import annotations

import math

import numpy as np
import pytest

from esrgan_train.degradation.aperture_kernels import lens_kernel, motion_kernel


def moments(kernel):
    """Mean (x, y) and covariance, in pixels from the centre."""
    axis = np.arange(len(kernel)) - len(kernel) // 2
    x, y = np.meshgrid(axis, axis)
    mean = np.array([(kernel * x).sum(), (kernel * y).sum()])
    points = np.stack([x - mean[0], y - mean[1]])
    return mean, np.einsum("iyx,jyx,yx->ij", points, points, kernel)


@pytest.mark.parametrize("length", [0.0, 0.7, 1.0, 4.3, 12.0, 31.5])
@pytest.mark.parametrize("degrees", [0, 17, 45, 90, 133.3])
def test_motion_is_a_line_of_that_length_and_direction(length, degrees):
    angle = math.radians(degrees)
    kernel = motion_kernel(length=length, angle=angle)
    mean, covariance = moments(kernel)
    assert kernel.min() >= 0
    np.testing.assert_allclose(kernel.sum(), 1, atol=1e-12)
    np.testing.assert_allclose(mean, 0, atol=1e-9)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-9)
    direction = np.array([math.cos(angle), math.sin(angle)])
    along, across = direction @ covariance @ direction, direction[::-1] * [-1, 1]
    assert 0 <= along - length**2 / 12 * (1 - 1 / (math.ceil(16 * length) + 1) ** 2) + 1e-9 <= 0.26
    assert across @ covariance @ across <= 0.26


def test_no_motion_is_no_blur():
    np.testing.assert_array_equal(motion_kernel(length=0, angle=1), [[1]])


def test_motion_along_rows_and_columns():
    row = motion_kernel(length=5, angle=0)
    assert np.count_nonzero(np.abs(row).sum(1) > 1e-12) == 1
    np.testing.assert_allclose(motion_kernel(length=5, angle=math.pi / 2), row.T, atol=1e-12)
    np.testing.assert_allclose(row[3, 2:5], 0.2, atol=0.01)


@pytest.mark.parametrize("radius", [0.5, 0.9, 2.3, 7.0, 20.25])
def test_disc_has_the_moments_of_a_disc(radius):
    kernel = lens_kernel(radius=radius)
    mean, covariance = moments(kernel)
    np.testing.assert_allclose(kernel.sum(), 1)
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    # Var = r²/4 of the disc; that of the centres of the pixels, to which its points are moved.
    y, x = (np.mgrid[-1:1:1501j, -1:1:1501j]) * radius
    inside = x**2 + y**2 <= radius**2
    np.testing.assert_allclose(np.diag(covariance), np.var(np.rint(x[inside])), rtol=0.015)
    assert abs(covariance[0, 0] - radius**2 / 4) < 0.14
    np.testing.assert_allclose(covariance[0, 1], 0, atol=1e-12)
    assert kernel.max() <= 1.01 / (math.pi * radius**2) or radius < 1


@pytest.mark.parametrize("blades", [3, 5, 6, 8])
def test_polygon_has_the_area_of_a_polygon_and_its_corners_where_it_is_turned(blades):
    radius = 15.0
    kernel = lens_kernel(radius=radius, blades=blades, angle=0.0)
    area = blades / 2 * radius**2 * math.sin(2 * math.pi / blades)
    np.testing.assert_allclose(1 / kernel.max(), area, rtol=0.01)
    np.testing.assert_allclose(moments(kernel)[0], 0, atol=0.02)
    assert kernel[15, 29] > 0  # the corner at angle 0
    assert kernel[15, 1] > 0 if blades % 2 == 0 else kernel[15, 1] == 0


def test_pixels_hold_the_share_that_is_inside():
    inside = lens_kernel(radius=1.5)
    np.testing.assert_allclose(inside[1, 1], 1 / (math.pi * 1.5**2), rtol=0.01)
    # Corner pixels of 3×3: from one quadrant's integral of the circle.
    edge = np.linspace(0.5, math.sqrt(1.5**2 - 0.25), 100_001)
    corner = np.trapezoid(np.sqrt(1.5**2 - edge**2) - 0.5, edge)
    np.testing.assert_allclose(inside[0, 0], corner / (math.pi * 1.5**2), rtol=0.03)
