from __future__ import annotations

import cv2
import numpy as np
import pytest

from esrgan_train.screening.detail import busiest_part, detail
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


@pytest.mark.parametrize("step", [1, 4])
def test_the_busiest_part_is_where_the_texture_is(step: int) -> None:
    luma = np.full((96, 128), 128, np.uint8)
    luma[40:72, 80:112] = np.random.default_rng(0).integers(0, 256, (32, 32))
    rows, columns = busiest_part(luma, most=32, step=step)
    assert (rows.start, columns.start) == (pytest.approx(40, abs=2), pytest.approx(80, abs=2))
    assert (rows.stop - rows.start, columns.stop - columns.start) == (32, 32)


@pytest.mark.parametrize(
    ("size", "kept"), [((3, 9), (3, 8)), ((1, 1), (1, 1)), ((40, 5), (8, 5)), ((1, 30), (1, 8))]
)
def test_a_small_picture_is_shown_as_far_as_it_goes(size: tuple[int, int], kept: tuple[int, int]) -> None:
    part = busiest_part(np.zeros(size, np.uint8), most=8, step=1)
    assert tuple(lines.stop - lines.start for lines in part) == kept
    assert [lines.start for lines in part] == [(a - b) // 2 for a, b in zip(size, kept, strict=True)]  # the middle


def test_it_is_aligned_to_whole_steps() -> None:
    luma = np.random.default_rng(1).integers(0, 256, (37, 50)).astype(np.uint8)
    for lines, length in zip(busiest_part(luma, most=18, step=4), luma.shape, strict=True):
        assert lines.start % 4 == 0 == lines.stop % 4
        assert (lines.stop - lines.start, lines.stop <= length) == (16, True)
    assert all(lines.stop - lines.start == 4 for lines in busiest_part(luma, most=2, step=4))
