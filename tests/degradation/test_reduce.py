from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from lr_statistics import photographs
from PIL import Image as PillowImage

from esrgan_train.degradation.steps.reduce import FILTERS, Reduction

PILLOW = {
    "area": PillowImage.Resampling.BOX,
    "bilinear": PillowImage.Resampling.BILINEAR,
    "bicubic": PillowImage.Resampling.BICUBIC,
    "lanczos": PillowImage.Resampling.LANCZOS,
    "nearest": PillowImage.Resampling.NEAREST,
}
SIZES = [(30, 40), (29, 41), (60, 80), (1, 1), (7, 80), (91, 121)]  # of 60 × 80: reduced, odd, equal, enlarged


@pytest.fixture(scope="module")
def image():
    levels = np.rint(64 + 128 * photographs()[0][100:160, 150:230])  # room for overshoots, which 8 bits clip
    return np.ascontiguousarray(levels / 255).astype(np.float32)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", SIZES)
def test_equals_pillow_on_8_bits(image, name, size):
    made = Reduction(*size, name).render(image)
    picture = PillowImage.fromarray(np.rint(image * 255).astype(np.uint8))
    expected = np.asarray(picture.resize(size[::-1], PILLOW[name])) / 255
    assert made.shape == (*size, 3)
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.clip(made, 0, 1), expected, atol=1.6 / 255)  # rounded after each direction


@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", SIZES)
def test_equals_torch_with_antialiasing(image, name, size):
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    expected = torch.nn.functional.interpolate(batch, size, mode=name, antialias=True, align_corners=False)
    made = Reduction(*size, name).render(image)
    np.testing.assert_allclose(made, expected[0].permute(1, 2, 0).numpy(), atol=1e-4)


@pytest.mark.parametrize("size", [(30, 40), (15, 20), (20, 16), (60, 80)])
def test_area_by_whole_factors_equals_opencv(image, size):
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(Reduction(*size, "area").render(image), expected, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_nearest_is_the_pixel_at_the_centre(image, size):
    rows, columns = ((np.arange(to) + 0.5) * of / to for to, of in zip(size, (60, 80), strict=True))
    expected = image[np.ix_(rows.astype(int), columns.astype(int))]
    np.testing.assert_array_equal(Reduction(*size, "nearest").render(image), expected)


def test_lanczos_equals_its_formula(image):
    """Three lobes, widened by the factor, normalised, cut off at the borders."""
    centres = (np.arange(20) + 0.5) * 3
    distance = (np.arange(60) + 0.5 - centres[:, None]) / 3
    weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    weights /= weights.sum(1, keepdims=True)
    made = Reduction(20, 80, "lanczos").render(image)
    np.testing.assert_allclose(made, np.einsum("oi,iwc->owc", weights, image), atol=1e-5)


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_edges_of_the_pixels_coincide(name, factor):
    """A ramp's value at a pixel's centre is what it was there, but half a pixel at most for nearest."""
    ramp = np.broadcast_to(np.linspace(0, 1, 48, dtype=np.float32)[:, None, None], (48, 48, 3))
    made = Reduction(48 // factor, 48 // factor, name).render(np.ascontiguousarray(ramp))[:, 0, 0]
    centres = ((np.arange(48 // factor) + 0.5) * factor - 0.5) / 47
    inner = slice(4, -4) if factor < 4 else slice(3, -3)
    off = 0.5 / 47 if name == "nearest" and factor % 2 == 0 else 0
    np.testing.assert_allclose(made[inner], centres[inner] + off, atol=1e-5)


@pytest.mark.parametrize("name", FILTERS)
def test_the_same_size_is_the_same_image_and_values_beyond_pass(name):
    image = np.random.default_rng(0).uniform(-0.2, 1.2, (9, 7, 3)).astype(np.float32)
    before = image.copy()
    made = Reduction(9, 7, name).render(image)
    np.testing.assert_allclose(made, image, atol=1e-6)
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(made, image)
