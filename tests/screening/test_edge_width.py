from __future__ import annotations

import cv2
import numpy as np
import pytest

from esrgan_train.screening.blur import edge_width
from esrgan_train.screening.luma import luma_of
from esrgan_train.screening.verdict import Thresholds
from tests.screening.spoilt import Photo, as_jpeg, photo, with_noise
from tests.screening_thresholds import drawing

LIMIT = Thresholds().blur
SHARP = [
    "astronaut",
    "brick",
    "camera",
    "coins",
    "grass",
    "gravel",
    "motorcycle_left",
    "page",
    "chelsea",
    "coffee",
]


def width(picture: Photo) -> float:
    return edge_width(luma_of(picture))


def test_a_step_is_one_pixel_wide_and_a_ramp_as_wide_as_it_rises() -> None:
    step = np.zeros((128, 128), np.uint8)
    step[:, 32:64], step[:, 96:] = 200, 200
    ramp = (np.minimum(np.arange(128) % 64, 4) * 50).astype(np.uint8)[None].repeat(128, 0)
    assert edge_width(step) == pytest.approx(1)
    assert edge_width(ramp[:, :60]) == pytest.approx(4)


@pytest.mark.parametrize("name", SHARP)
def test_sharp_photos_stay_below_the_limit_and_blurred_ones_pass_it(name: str) -> None:
    sharp = photo(name)
    assert width(sharp) < LIMIT
    assert width(cv2.GaussianBlur(sharp, (0, 0), 2)) > LIMIT
    assert width(cv2.resize(sharp, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)) > LIMIT


@pytest.mark.parametrize("name", SHARP)
def test_neither_noise_nor_jpeg_makes_a_sharp_photo_blurred(name: str) -> None:
    assert width(with_noise(photo(name), 5)) < LIMIT
    assert width(as_jpeg(photo(name), 50)) < LIMIT


def test_a_sharp_subject_before_a_blurred_background_is_sharp() -> None:
    sharp = photo("astronaut")
    shallow = cv2.GaussianBlur(sharp, (0, 0), 6)
    shallow[128:320, 128:320] = sharp[128:320, 128:320]
    assert width(shallow) < LIMIT


def test_a_large_sky_changes_nothing() -> None:
    assert width(np.vstack([np.full((2000, 512, 3), 180, np.uint8), photo("astronaut")])) < LIMIT


def test_motion_in_one_direction_is_found() -> None:
    sharp = photo("motorcycle_left")
    assert width(cv2.blur(sharp, (15, 1))) > LIMIT
    assert width(cv2.blur(sharp, (1, 15))) > LIMIT


def test_drawings_and_pixel_art_are_sharp() -> None:
    art = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    assert width(drawing()) < LIMIT
    assert width(cv2.GaussianBlur(drawing(), (0, 0), 2)) > LIMIT
    assert width(np.kron(art, np.ones((8, 8, 1), np.uint8))) < LIMIT


def test_nothing_can_be_said_of_a_blank_or_a_tiny_picture() -> None:
    assert np.isnan(edge_width(np.full((300, 300), 90, np.uint8)))
    assert np.isnan(edge_width(np.random.default_rng(0).integers(0, 256, (12, 300)).astype(np.uint8)))
