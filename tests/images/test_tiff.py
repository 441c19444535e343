"""TIFF of every kind of samples: read as other libraries read it, or refused with what it is."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from esrgan_train.images.decode import UnreadableImageError, decode, read_header
from esrgan_train.images.photo import read_photo

HEIGHT, WIDTH = 12, 17


def samples(channels: int, dtype: Any = np.uint16) -> Any:
    top = np.iinfo(dtype).max + 1
    return np.random.default_rng(1).integers(0, top, (HEIGHT, WIDTH, channels), dtype=dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "zstd"},
        {"byteorder": ">"},
        {"tile": (16, 16)},
        {"bigtiff": True},
        {"planarconfig": "separate"},
    ],
    ids=lambda options: next(iter(options), "plain"),
)
def test_rgb_of_every_storage_comes_back(tmp_path: Path, options: dict[str, Any], dtype: Any) -> None:
    image = samples(3, dtype)
    stored = np.moveaxis(image, 2, 0) if "planarconfig" in options else image
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", **options)
    decoded = decode(tmp_path / "a.tif")
    assert decoded.dtype == dtype
    assert decoded.flags.writeable
    assert np.array_equal(decoded, image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("photometric", "colours"), [("minisblack", 1), ("miniswhite", 1), ("rgb", 3)])
@pytest.mark.parametrize("alpha", [False, True])
def test_gray_and_alpha_are_kept(tmp_path: Path, photometric: str, colours: int, alpha: bool, dtype: Any) -> None:
    image = samples(colours + alpha, dtype)
    extra = {"extrasamples": ["unassalpha"], "planarconfig": "contig"} if alpha else {}
    tifffile.imwrite(tmp_path / "a.tif", np.squeeze(image), photometric=photometric, **extra)
    photo = read_photo(tmp_path / "a.tif")
    shown = np.iinfo(dtype).max - image if photometric == "miniswhite" else image
    assert np.array_equal(photo.rgb, np.broadcast_to(shown[:, :, :colours], photo.rgb.shape))
    assert photo.gray == (colours == 1)
    if alpha:
        assert photo.alpha is not None
        assert np.array_equal(photo.alpha, image[:, :, -1])
    else:
        assert photo.alpha is None


def test_premultiplied_alpha_is_divided_out_as_pillow_does(tmp_path: Path) -> None:
    image = samples(4, np.uint8)
    image[:, :, :3] = image[:, :, :3] * (image[:, :, 3:] / 255)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", extrasamples=["assocalpha"])
    photo = read_photo(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif", formats=["TIFF"]) as theirs:
        expected = np.asarray(theirs.convert("RGBA"))
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, expected[:, :, 3])
    visible = photo.alpha > 0
    assert np.abs(photo.rgb[visible].astype(int) - expected[visible][:, :3]).max() <= 1


def test_four_channels_without_a_word_are_taken_for_rgb_with_alpha(tmp_path: Path) -> None:
    image = samples(4)
    cv2.imwrite(str(tmp_path / "a.tif"), image)  # OpenCV writes no ExtraSamples
    assert tifffile.TiffFile(tmp_path / "a.tif").pages.first.extrasamples == ()
    photo = read_photo(tmp_path / "a.tif")
    assert photo.alpha is not None
    assert np.array_equal(np.dstack([photo.rgb[:, :, ::-1], photo.alpha]), image)


def test_further_channels_beside_rgb_are_dropped_with_a_remark(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = samples(5)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", extrasamples=["unspecified"] * 2)
    photo = read_photo(tmp_path / "a.tif")
    assert np.array_equal(photo.rgb, image[:, :, :3])
    assert photo.alpha is None
    assert caplog.messages == [f"{tmp_path / 'a.tif'}: only red, green and blue of its 5 channels are read"]


@pytest.mark.parametrize(
    ("image", "options", "what"),
    [
        (
            samples(3).astype(np.float32),
            {"photometric": "rgb"},
            r"3 channels of 32-bit floating-point numbers \(RGB\)",
        ),
        (samples(1)[:, :, 0].astype(np.float16), {}, r"1 channel of 16-bit floating-point numbers \(MINISBLACK\)"),
        (samples(1)[:, :, 0].astype(np.uint32), {}, r"1 channel of 32-bit unsigned numbers \(MINISBLACK\)"),
        (samples(1)[:, :, 0].astype(np.int16), {}, r"1 channel of 16-bit signed numbers \(MINISBLACK\)"),
        (
            samples(5),
            {"extrasamples": ["unspecified"] * 4, "planarconfig": "contig"},
            r"5 channels .*\(MINISBLACK\)",
        ),
        (samples(4), {"photometric": "separated"}, r"4 channels of 16-bit unsigned numbers \(SEPARATED\)"),
    ],
    ids=["float32", "float16", "uint32", "int16", "five", "cmyk"],
)
def test_unsupported_samples_are_named_with_the_remedy(
    tmp_path: Path, image: Any, options: Any, what: str
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image, **({"photometric": "minisblack"} | options))
    with pytest.raises(UnreadableImageError, match=f"it holds {what}; save it as gray or RGB with 8 or 16 bits"):
        decode(tmp_path / "a.tif")
    with pytest.raises(UnreadableImageError, match=what):
        read_header(tmp_path / "a.tif")


def test_palettes_cmyk_and_bilevel_are_left_to_pillow(tmp_path: Path) -> None:
    for mode in ("P", "1", "CMYK", "YCbCr"):
        source = Image.fromarray(samples(3, np.uint8)).convert(mode)
        source.save(tmp_path / "a.tif")
        assert np.array_equal(decode(tmp_path / "a.tif"), np.asarray(source.convert("RGB"))), mode


@pytest.mark.parametrize("mode", ["RGB", "P"])  # by tifffile, by Pillow
def test_a_damaged_second_page_does_no_harm(tmp_path: Path, mode: str) -> None:
    path, picture = tmp_path / "a.tif", Image.fromarray(samples(3, np.uint8)).convert(mode)
    image = np.asarray(picture.convert("RGB"))
    picture.save(path, save_all=True, append_images=[picture])
    stored = bytearray(path.read_bytes())
    (first,) = struct.unpack("<I", stored[4:8])
    (tags,) = struct.unpack("<H", stored[first : first + 2])
    place = first + 2 + 12 * tags
    for next_page in (len(stored) + 5000, 3):
        stored[place : place + 4] = struct.pack("<I", next_page)
        path.write_bytes(stored)
        assert np.array_equal(read_photo(path).rgb, image)
        assert np.array_equal(decode(path), image)
        assert read_header(path).size == (WIDTH, HEIGHT)


def test_a_missing_strip_is_not_taken_for_black(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", samples(3), photometric="rgb", rowsperstrip=4)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        counts = file.pages.first.tags["StripByteCounts"]
        counts.overwrite((counts.value[0], 0, counts.value[2]))
    with pytest.raises(UnreadableImageError, match="a part of its samples is missing"):
        decode(tmp_path / "a.tif")


def test_other_callers_of_pillow_still_read_tiff_its_own_way(tmp_path: Path) -> None:
    Image.fromarray(samples(3, np.uint8)).save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as image:
        assert image.format == "TIFF"
        assert np.array_equal(np.asarray(image), decode(tmp_path / "a.tif"))
