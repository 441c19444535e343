from __future__ import annotations

import numpy as np
import pytest
import torch
from basicsr.data.degradations import generate_poisson_noise_pt
from scipy.stats import ks_2samp, kstest

from esrgan_train.degradation.noise import add_gaussian_noise, add_poisson_noise

GRAY = np.full((120, 100, 3), 0.5, dtype=np.float32)


@pytest.fixture
def image():
    """Smooth, colourful, with values that are not on the 8-bit grid and a little outside [0,1]."""
    rows, columns = np.mgrid[0:1:120j, 0:1:100j]
    return np.stack([1.1 * rows - 0.05, columns, rows * columns], axis=-1).astype(np.float32)


def test_gaussian_noise_is_normal_and_independent_between_channels():
    noise = (add_gaussian_noise(GRAY, sigma_levels=12, gray=False, rng=np.random.default_rng(0)) - GRAY) * 255
    assert kstest(noise.ravel(), "norm", (0, 12)).pvalue > 1e-3
    correlation = np.corrcoef(noise.reshape(-1, 3).T)
    np.testing.assert_allclose(correlation, np.eye(3), atol=0.05)


def test_gray_gaussian_noise_is_one_map():
    noise = (add_gaussian_noise(GRAY, sigma_levels=12, gray=True, rng=np.random.default_rng(0)) - GRAY) * 255
    assert kstest(noise[..., 0].ravel(), "norm", (0, 12)).pvalue > 1e-3
    np.testing.assert_allclose(noise[..., 1:], noise[..., :1].repeat(2, axis=2), atol=1e-4)


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_poisson_noise_is_distributed_as_the_published_one(image, gray, scale):
    ours = add_poisson_noise(image, scale=scale, gray=gray, rng=np.random.default_rng(0)) - image
    torch.manual_seed(0)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    theirs = generate_poisson_noise_pt(batch, scale=scale, gray_noise=float(gray))[0].permute(1, 2, 0).numpy()
    bright = (image[..., 1] > 0.6) & (image[..., 0] > 0.3)
    for region in (bright, ~bright):
        for channel in range(3):
            a, b = ours[region][:, channel], theirs[region][:, channel]
            assert ks_2samp(a.round(5), b.round(5)).pvalue > 1e-3
            assert a.std() == pytest.approx(b.std(), rel=0.05)
    between = np.corrcoef(ours.reshape(-1, 3).T)[0, 1]
    assert between == pytest.approx(1 if gray else 0, abs=0.05)


@pytest.mark.parametrize(("distinct", "peak"), [(1, 1), (2, 2), (3, 4), (100, 128), (129, 256), (256, 256)])
def test_poisson_peak_is_the_number_of_levels_rounded_up(distinct, peak):
    levels = np.linspace(0, 1, 300) * (distinct - 1)
    image = np.tile((levels.round() / 255).astype(np.float32)[:, None, None], (1, 50, 3))
    noisy = add_poisson_noise(image + np.float32(1e-4), scale=1.0, gray=False, rng=np.random.default_rng(0))
    counts = (noisy - np.float32(1e-4)) * peak
    np.testing.assert_allclose(counts, counts.round(), atol=1e-3)
    assert distinct == 1 or np.any(counts.round() % 2 == 1)


@pytest.mark.parametrize("gray", [False, True])
def test_noise_leaves_the_image_alone(image, gray):
    before = image.copy()
    add_gaussian_noise(image, sigma_levels=9, gray=gray, rng=np.random.default_rng(0))
    add_poisson_noise(image, scale=1, gray=gray, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(image, before)
