from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from esrgan_train.doctor.alignment import COMMON_SHIFT, LARGEST_SHIFT, alignment_of
from tests.doctor.planted import Picture, photo, reduced

HR = photo(1, 720, 960)


def by_pillow(resampling: Image.Resampling) -> Callable[[Picture], Picture]:
    return lambda hr: np.asarray(Image.fromarray(hr).resize((240, 180), resampling))


def sharpened(hr: Picture) -> Picture:
    lr = reduced(hr).astype(np.float32)
    return np.clip(2 * lr - cv2.GaussianBlur(lr, (0, 0), 1.5), 0, 255).astype(np.uint8)


def as_jpeg(hr: Picture) -> Picture:
    _, encoded = cv2.imencode(".jpg", reduced(hr), [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def noisy(hr: Picture) -> Picture:
    lr = reduced(hr)
    return np.clip(lr + np.random.default_rng(0).normal(0, 15, lr.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "reduce",
    [
        *(by_pillow(each) for each in (Image.Resampling.BICUBIC, Image.Resampling.BOX, Image.Resampling.LANCZOS)),
        *(sharpened, as_jpeg, noisy),
        lambda hr: reduced(hr) // 2,
    ],
    ids=["bicubic", "area", "lanczos", "sharpened", "jpeg", "noisy", "dark"],
)
def test_ordinary_pairs_are_in_place(reduce: Callable[[Picture], Picture]) -> None:
    found = alignment_of(HR, reduce(HR), 4)
    assert found is not None
    assert found.belongs
    assert found.shift < COMMON_SHIFT


def test_every_fourth_pixel_lies_three_eighths_of_a_pixel_off() -> None:
    """The first of four pixels lies 1.5 HR pixels before their middle, so its content moves right and down."""
    found = alignment_of(HR, HR[::4, ::4], 4)
    assert found is not None
    assert (found.right, found.down) == pytest.approx((0.375, 0.375), abs=0.15)
    assert found.shift < LARGEST_SHIFT


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, -2), (-3, 4)])
def test_a_shift_is_measured(right: int, down: int) -> None:
    found = alignment_of(HR, np.roll(reduced(HR), (down, right), (0, 1)), 4)
    assert found is not None
    assert found.belongs
    assert (found.right, found.down) == pytest.approx((right, down), abs=0.1)


@pytest.mark.parametrize("size", [(61, 83), (59, 79), (47, 95), (37, 41)])
def test_sizes_that_fourier_transforms_do_not_like_make_no_difference(size: tuple[int, int]) -> None:
    height, width = size
    hr = photo(2, 4 * height, 4 * width)
    found = alignment_of(hr, reduced(hr), 4)
    assert found is not None
    assert found.shift < 0.1


def test_other_photographs_do_not_belong() -> None:
    lr = reduced(HR)
    for other in (reduced(photo(3, 720, 960)), lr[:, ::-1], lr[::-1]):
        found = alignment_of(HR, np.ascontiguousarray(other), 4)
        assert found is not None
        assert not found.belongs


def test_what_shows_nothing_is_not_judged() -> None:
    blank = np.full_like(HR, 240)
    assert alignment_of(blank, reduced(blank), 4) is None
    assert alignment_of(HR[:4, :4], HR[:1, :1], 4) is None


def test_sixteen_bits_are_compared_too() -> None:
    found = alignment_of(HR.astype(np.uint16) * 257, reduced(HR).astype(np.uint16) * 257, 4)
    assert found is not None
    assert found.belongs
