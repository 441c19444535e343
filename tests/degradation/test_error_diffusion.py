from __future__ import annotations

import numpy as np
import pytest

from esrgan_train.degradation.error_diffusion import DIFFUSIONS, diffuse, targets

RIGHT_AND_BELOW = {  # sums of the shares in each row, from the publications
    "floyd_steinberg": (7 / 16, 9 / 16),
    "atkinson": (2 / 8, 3 / 8, 1 / 8),
    "jarvis": (12 / 48, 23 / 48, 13 / 48),
    "stucki": (12 / 42, 20 / 42, 10 / 42),
    "burkes": (12 / 32, 20 / 32),
    "sierra": (8 / 32, 17 / 32, 7 / 32),
    "sierra_lite": (2 / 4, 2 / 4),
}


def one_by_one(image, diffusion, most):
    """The textbook's loop."""
    values, whole = image.astype(np.float64), np.empty_like(image)
    height, width = image.shape[:2]
    for y in range(height):
        for x in range(width):
            whole[y, x] = np.clip(np.rint(values[y, x]), 0, most)
            error = values[y, x] - whole[y, x]
            for down, right, share in targets(diffusion):
                if y + down < height and 0 <= x + right < width:
                    values[y + down, x + right] += share * error
    return whole


@pytest.mark.parametrize("diffusion", DIFFUSIONS)
@pytest.mark.parametrize("size", [(12, 17), (9, 1), (1, 7), (2, 2)])
def test_equals_pixel_after_pixel(diffusion, size):
    image = np.random.default_rng(0).random((*size, 3), dtype=np.float32) * 3
    expected = one_by_one(image, diffusion, 3)
    made = diffuse(image, diffusion, 3)
    assert (made != expected).mean() <= 0.02  # a value that is a tie to the last bit may fall on either side


@pytest.mark.parametrize("diffusion", DIFFUSIONS)
def test_shares_are_the_published_ones(diffusion):
    rows = [
        sum(share for down, _, share in targets(diffusion) if down == row)
        for row in range(len(RIGHT_AND_BELOW[diffusion]))
    ]
    np.testing.assert_allclose(rows, RIGHT_AND_BELOW[diffusion])
    np.testing.assert_allclose(sum(rows), 0.75 if diffusion == "atkinson" else 1)


@pytest.mark.parametrize("diffusion", [each for each in DIFFUSIONS if each != "atkinson"])
@pytest.mark.parametrize("tone", [0.1, 0.37, 0.8])
def test_tone_is_kept(diffusion, tone):
    made = diffuse(np.full((60, 80, 1), tone, dtype=np.float32), diffusion, 1)
    assert set(np.unique(made)) == {0, 1}
    np.testing.assert_allclose(made[20:, 10:-10].mean(), tone, atol=0.02)
