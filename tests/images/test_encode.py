from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from esrgan_train.errors import UserError
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import to_uint8, write_image
from esrgan_train.images.photo import Photo, write_photo
from tests.small_files import files_of_at_most

RNG = np.random.default_rng(2)
SMOOTH = np.add.outer(np.arange(64), np.arange(48))[:, :, None] + np.array([0, 40, 90])
RGB = SMOOTH.astype(np.uint8)


def test_to_uint8_clamps_and_rounds_to_the_nearest() -> None:
    values = [-1.0, 0.0, 0.4 / 255, 0.6 / 255, 127.4 / 255, 1.0, 7.0]
    assert to_uint8(np.array(values, np.float32)).tolist() == [0, 0, 0, 1, 127, 255, 255]
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(levels.astype(np.float32) / 255), levels)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_become_magenta(wrong: float) -> None:
    image = np.full((2, 2, 3), 0.2, np.float32)
    image[0, 1, 2] = wrong
    assert to_uint8(image).tolist() == [[[51, 51, 51], [255, 0, 255]], [[51, 51, 51], [51, 51, 51]]]
    with pytest.raises(ValueError, match="not finite"):
        to_uint8(image[:, :, 2])


@pytest.mark.parametrize("suffix", ["png", "PNG", "tif", "tiff", "bmp"])
def test_lossless_formats_come_back(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"new/folder/a.{suffix}", RGB)
    assert np.array_equal(decode(tmp_path / f"new/folder/a.{suffix}"), RGB)


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp"])
def test_lossy_formats_come_close(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a.{suffix}", RGB)
    error = decode(tmp_path / f"a.{suffix}").astype(float) - RGB
    assert np.sqrt(np.square(error).mean()) < 2.5


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("shape", [(9, 7, 3), (9, 7)])
def test_16_bits_come_back(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    image = RNG.integers(0, 65536, shape, dtype=np.uint16)
    write_image(tmp_path / f"a.{suffix}", image)
    decoded = decode(tmp_path / f"a.{suffix}")
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded, image if image.ndim == 3 else np.repeat(image[:, :, None], 3, 2))


def test_gray_is_written(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", RGB[:, :, 0])
    assert np.array_equal(decode(tmp_path / "a.png"), np.repeat(RGB[:, :, :1], 3, axis=2))


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("a.gif", RGB, "unknown format '.gif'; end the name in one of .png"),
        ("a", RGB, "unknown format ''"),
        ("a.webp", np.zeros((1, 20000, 3), np.uint8), "20000 × 1 pixels cannot be written.*try .png"),
    ],
)
def test_what_a_format_cannot_hold_is_named(tmp_path: Path, name: str, image: Any, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        write_image(tmp_path / name, image)
    assert str(tmp_path / name) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_other_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image is float64; pass uint8 or uint16"):
        write_image(tmp_path / "a.png", np.zeros((4, 4, 3)))


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    write_image(path, RGB)
    before = path.read_bytes()
    with pytest.raises(UserError):
        write_image(path, np.zeros((1, 20000, 3), np.uint8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff"])
def test_a_full_disk_is_reported_as_such_and_not_as_a_limit_of_the_format(tmp_path: Path, suffix: str) -> None:
    noise = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    write_image(tmp_path / f"whole.{suffix}", noise)
    last_byte_missing = (tmp_path / f"whole.{suffix}").stat().st_size - 1
    with files_of_at_most(last_byte_missing), pytest.raises(OSError, match=rf"File too large: .*a\.{suffix}'"):
        write_image(tmp_path / f"a.{suffix}", noise)
    with files_of_at_most(500), pytest.raises(OSError, match=rf"File too large: .*b\.{suffix}'"):
        write_photo(tmp_path / f"b.{suffix}", Photo(noise, None, gray=False, profile=None, several=False))
    assert [path.name for path in tmp_path.iterdir()] == [f"whole.{suffix}"]
