from __future__ import annotations

import cv2
import numpy as np
import pytest

from esrgan_train.screening.detail import detail
from esrgan_train.screening.verdict import Thresholds
from tests.screening.spoilt import photo, with_noise
from tests.screening_thresholds import drawing

LIMIT = Thresholds().detail


@pytest.mark.parametrize("name", ["astronaut", "brick", "camera", "coins", "grass", "gravel", "page", "chelsea"])
def test_photos_have_detail(name: str) -> None:
    assert detail(photo(name)) > 5 * LIMIT


def test_drawings_have_enough() -> None:
    assert detail(drawing()) > LIMIT


def test_paper_sky_and_a_background_out_of_focus_have_none() -> None:
    paper = np.full((256, 256, 3), 230, np.uint8)
    sky = np.linspace(90, 200, 256).astype(np.uint8)[:, None, None].repeat(256, 1).repeat(3, 2)
    assert detail(with_noise(paper, 5)) < LIMIT
    assert detail(with_noise(sky, 3)) < LIMIT
    assert detail(cv2.GaussianBlur(photo("chelsea"), (0, 0), 25)) < LIMIT


def test_it_is_the_share_of_the_pixels_with_slopes() -> None:
    half = np.full((256, 256, 3), 128, np.uint8)
    half[:, 128:] = np.random.default_rng(0).integers(0, 256, (256, 128, 3))
    assert detail(half) == pytest.approx(0.5, abs=0.02)


def test_sixteen_bits_read_like_eight() -> None:
    eight = photo("coffee")
    assert detail(eight.astype(np.uint16) * 257) == detail(eight)
