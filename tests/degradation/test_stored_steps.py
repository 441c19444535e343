"""JPEG of every chroma, stored once and again, and WebP, next to Pillow's files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from lr_statistics import blockiness, crop
from PIL import Image as Pillow
from scipy.stats import chisquare

from esrgan_train.degradation.chain import Canvas
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.jpeg import SUBSAMPLINGS, Subsampling, compress_jpeg
from esrgan_train.degradation.steps.jpeg import JpegFile, JpegFiles, StoreJpeg
from esrgan_train.degradation.steps.webp import StoreWebp, Webp
from esrgan_train.errors import UserError

CANVAS = Canvas((64, 64), (32, 32))


def by_pillow(image: Image, kind: str, **options: object) -> Image:
    file = io.BytesIO()
    levels = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
    Pillow.fromarray(levels).save(file, kind, **options)
    return np.asarray(Pillow.open(file).convert("RGB"), dtype=np.float32) / 255


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [5, 50, 90])
@pytest.mark.parametrize("shape", [(64, 64), (37, 51), (1, 1), (1, 9)])
def test_a_jpeg_file_is_pillows(subsampling: Subsampling, quality: int, shape: tuple[int, int]) -> None:
    image = crop(1, 64)[: shape[0], : shape[1]]
    made = JpegFiles((JpegFile(quality, subsampling, nearest_chroma=False),)).render(image)
    difference = np.abs(made - by_pillow(image, "JPEG", quality=quality, subsampling=subsampling)) * 255
    assert difference.max() <= 2.5  # two builds of libjpeg may round differently, by a level or two
    assert difference.mean() < 0.05


def test_more_chroma_is_kept_the_more_is_stored() -> None:
    image = crop(0, 96)
    image[..., 0] = np.random.default_rng(0).random((96, 96))  # detail in one channel
    errors = [np.square(compress_jpeg(image, 90, subsampling=each) - image).mean() for each in SUBSAMPLINGS]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 2 * errors[-1]


def test_files_are_made_one_of_the_other() -> None:
    image = crop(2, 64)
    files = JpegFile(80, "4:4:4", nearest_chroma=False), JpegFile(30, "4:2:0", nearest_chroma=False)
    first = by_pillow(image, "JPEG", quality=80, subsampling="4:4:4")
    second = by_pillow(first, "JPEG", quality=30, subsampling="4:2:0")
    assert np.abs(JpegFiles(files).render(image) - second).mean() * 255 < 0.1


def test_a_shift_moves_the_files_blocks_and_not_the_picture() -> None:
    image = crop(0, 64)
    shifted = JpegFiles((JpegFile(8, "4:2:0", nearest_chroma=False, shift=(3, 5)),)).render(image)
    cut = by_pillow(np.pad(image, ((3, 0), (5, 0), (0, 0)), mode="edge"), "JPEG", quality=8, subsampling="4:2:0")
    assert np.abs(shifted - cut[3:, 5:]).mean() * 255 < 0.1
    plain = JpegFiles((JpegFile(8, "4:2:0", nearest_chroma=False),)).render(image)
    assert blockiness(plain.mean(2)) > 1.5 * blockiness(shifted.mean(2))
    assert blockiness(shifted[5:, 3:].mean(2)) > 1.5 * blockiness(shifted.mean(2))


def test_chroma_and_numbers_of_files_have_their_odds() -> None:
    choice = StoreJpeg(yuv420_odds=2, yuv422_odds=1, yuv444_odds=1, times=(1, 2), shift_prob=1.0, quality=(40, 60))
    drawn = [choice.draw(CANVAS, np.random.default_rng(seed)) for seed in range(1000)]
    assert all(isinstance(each, JpegFiles) for each in drawn)
    files = [each.files for each in drawn if isinstance(each, JpegFiles)]
    counts = [sum(each[0].subsampling == one for each in files) for one in SUBSAMPLINGS]
    assert chisquare(counts, [500, 250, 250]).pvalue > 1e-3
    twice = [each for each in files if len(each) == 2]
    assert chisquare([len(twice), 1000 - len(twice)]).pvalue > 1e-3
    assert all(each[0].shift == (0, 0) for each in files)
    assert {each[1].shift[0] for each in twice} == set(range(8))
    assert {file.quality for each in files for file in each} == set(range(40, 61))


def test_chroma_must_have_some_odds() -> None:
    with pytest.raises(UserError, match="yuv420_odds, yuv422_odds, yuv444_odds are all 0"):
        StoreJpeg(yuv420_odds=0)


@pytest.mark.parametrize("quality", [1, 30, 80, 100])
@pytest.mark.parametrize("shape", [(64, 64), (37, 51), (1, 1)])
def test_a_webp_file_is_pillows(quality: int, shape: tuple[int, int]) -> None:
    image = crop(1, 64)[: shape[0], : shape[1]]
    theirs = by_pillow(image, "WEBP", quality=quality)
    made = Webp(quality).render(image)
    assert made.shape == image.shape
    assert np.abs(made - theirs).mean() * 255 < 0.5  # two builds of libwebp
    assert np.abs(made - theirs).max() * 255 < 8


def test_webps_qualities_are_in_their_range() -> None:
    drawn = {StoreWebp(quality=(20, 23)).draw(CANVAS, np.random.default_rng(seed)).quality for seed in range(200)}
    assert drawn == {20, 21, 22, 23}
