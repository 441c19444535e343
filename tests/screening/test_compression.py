from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, JpegPresets

from esrgan_train.images.decode import UnreadableImageError, decode
from esrgan_train.screening.compression import grid_step, table_quality
from esrgan_train.screening.luma import luma_of
from esrgan_train.screening.verdict import Thresholds
from tests.screening.spoilt import as_jpeg, photo, with_noise
from tests.screening_thresholds import drawing, textures

LIMIT = Thresholds().blockiness
CLEAN = ["astronaut", "brick", "camera", "coffee", "gravel", "motorcycle_left"]  # the others were JPEG once


def step(picture: np.ndarray) -> float:
    return grid_step(luma_of(picture))


@pytest.mark.parametrize("quality", [1, 5, 20, 50, 75, 90, 99, 100])
def test_the_quality_of_a_file_is_read_from_its_tables(tmp_path: Path, quality: int) -> None:
    Image.fromarray(photo("coffee")).save(tmp_path / "a.jpg", quality=quality)
    assert table_quality(tmp_path / "a.jpg") == quality


def test_tables_of_other_programs_get_a_quality_near_theirs(tmp_path: Path) -> None:
    tables = {name: JpegPresets.presets[name]["quantization"] for name in ("low", "medium", "maximum")}
    for name, table in tables.items():
        Image.fromarray(photo("coffee")).save(tmp_path / f"{name}.jpg", qtables=table)
    qualities = [table_quality(tmp_path / f"{name}.jpg") or 0 for name in tables]
    assert qualities == sorted(qualities)
    assert qualities[0] < 75 < qualities[2]


def test_other_formats_have_no_quality(tmp_path: Path) -> None:
    Image.fromarray(photo("coffee")).save(tmp_path / "a.png")
    assert table_quality(tmp_path / "a.png") is None
    with pytest.raises(UnreadableImageError):
        table_quality(tmp_path / "missing.jpg")


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize(("quality", "expected"), [(50, 1), (75, 0.5), (85, 0.3), (90, 0.2)])
def test_the_step_that_jpeg_left_is_found_wherever_the_grid_lies(name: str, quality: int, expected: float) -> None:
    coded = as_jpeg(photo(name), quality)
    assert step(coded) == pytest.approx(expected, abs=0.05)
    assert step(coded[3:, 5:]) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("name", CLEAN)
def test_photos_that_were_never_jpeg_leave_no_step(name: str) -> None:
    assert step(photo(name)) == 0
    assert step(with_noise(photo(name), 5)) == 0


@pytest.mark.parametrize("name", textures())
def test_patterns_of_eight_pixels_are_no_jpeg(name: str) -> None:
    assert step(textures()[name]) < LIMIT


def test_drawings_and_blank_and_tiny_pictures_are_no_jpeg() -> None:
    assert step(drawing()) == 0
    assert step(np.full((300, 300, 3), 200, np.uint8)) == 0
    assert step(photo("coffee")[:70, :70]) == 0


def test_the_worse_of_two_jpegs_on_one_grid_counts() -> None:
    assert step(as_jpeg(as_jpeg(photo("coffee"), 50), 95)) > LIMIT


def test_the_trace_is_found_in_a_16_bit_file_too(tmp_path: Path) -> None:
    import imagecodecs

    wide = as_jpeg(photo("coffee"), 60).astype(np.uint16) * 257
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(wide))
    read = decode(tmp_path / "a.png")
    assert read.dtype == np.uint16
    assert step(read) > LIMIT
