from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.restoration import estimate_sigma

from esrgan_train.screening.blocks import blockiness
from esrgan_train.screening.luma import luma_of
from esrgan_train.screening.noise import noise_level
from tests.screening.spoilt import photo, with_noise

NAMES = ("astronaut", "camera", "chelsea", "coffee")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [5, 10, 20])
def test_noise_is_found_as_scikit_image_finds_it(name: str, sigma: int) -> None:
    luma = luma_of(with_noise(photo(name), sigma))
    assert noise_level(luma) == pytest.approx(estimate_sigma(luma.astype(float)), rel=0.1, abs=0.5)


def test_noise_of_plain_gray_is_what_was_added() -> None:
    gray = np.clip(np.random.default_rng(0).normal(128, 8, (64, 64)), 0, 255).astype(np.uint8)
    assert noise_level(gray) == pytest.approx(8, rel=0.1)
    assert noise_level(np.full((64, 64), 90, np.uint8)) == 0
    assert np.isnan(noise_level(np.zeros((1, 5), np.uint8)))


def median_of_crops(luma: np.ndarray, side: int = 64) -> float:
    rng = np.random.default_rng(0)
    places = rng.integers(0, np.array(luma.shape) - side, (20, 2))
    return float(np.median([blockiness(luma[y : y + side, x : x + side]) for y, x in places]))


@pytest.mark.parametrize("name", NAMES)
def test_blocks_stand_out_more_the_lower_the_quality(name: str) -> None:
    luma = luma_of(photo(name))
    saved = [
        cv2.imdecode(cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, q])[1], 0) for q in (70, 50, 30, 10)
    ]
    found = [median_of_crops(each) for each in (luma, *saved)]
    assert found == sorted(found)
    assert found[0] < 1.4 < 1.6 < found[1]


def test_blocks_of_what_has_none() -> None:
    assert blockiness(np.full((64, 64), 90, np.uint8)) == 1
    assert np.isnan(blockiness(np.zeros((23, 64), np.uint8)))
