from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from esrgan_train.images.decode import UnreadableImageError, decode
from esrgan_train.images.stored import orient

HEIGHT, WIDTH = 12, 17


def samples(channels: int) -> Any:
    return np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH, channels), dtype=np.uint16)


def as_rgb(image: Any) -> Any:
    return np.repeat(image[:, :, :1], 3, axis=2) if image.shape[2] < 3 else image[:, :, :3]


def write_png(path: Path, image: Any, exif: bytes = b"") -> None:
    """A 16-bit PNG written by hand, byte for byte as the standard says."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[image.shape[2]]
    header = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in image)
    exif_chunk = chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")) if exif else b""
    pixels = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    body = chunk(b"IHDR", header) + exif_chunk + pixels
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_keeps_all_16_bits(tmp_path: Path, channels: int) -> None:
    image = samples(channels)
    write_png(tmp_path / "a.png", image)
    decoded = decode(tmp_path / "a.png")
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded, as_rgb(image))


@pytest.mark.parametrize(
    ("channels", "options"),
    [
        (1, {"photometric": "minisblack"}),
        (3, {"photometric": "rgb"}),
        (4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        (3, {"photometric": "rgb", "compression": "zlib", "predictor": True}),
        (3, {"photometric": "rgb", "byteorder": ">"}),
        (3, {"photometric": "rgb", "tile": (16, 16)}),
        (3, {"photometric": "rgb", "bigtiff": True}),
    ],
)
def test_tiff_keeps_all_16_bits(tmp_path: Path, channels: int, options: dict[str, Any]) -> None:
    image = samples(channels)
    tifffile.imwrite(tmp_path / "a.tif", image if channels > 1 else image[:, :, 0], **options)
    decoded = decode(tmp_path / "a.tif")
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded, as_rgb(image))


def test_white_is_zero_is_a_negative(tmp_path: Path) -> None:
    image = samples(1)
    tifffile.imwrite(tmp_path / "a.tif", image[:, :, 0], photometric="miniswhite")
    assert np.array_equal(decode(tmp_path / "a.tif"), as_rgb(65535 - image))
    eight_bits = (image[:, :, 0] >> 8).astype(np.uint8)
    tifffile.imwrite(tmp_path / "b.tif", eight_bits, photometric="miniswhite")
    assert np.array_equal(decode(tmp_path / "b.tif")[:, :, 0], 255 - eight_bits)


def test_pillow_would_lose_8_bits(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), samples(3))
    with Image.open(tmp_path / "a.png") as image:
        assert np.asarray(image).dtype == np.uint8  # the reason for this module


def test_of_several_pages_the_first_is_read(tmp_path: Path) -> None:
    pages = np.stack([samples(3), 65535 - samples(3)])
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="rgb")
    assert np.array_equal(decode(tmp_path / "a.tif"), pages[0])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    cv2.imwrite(str(path), np.tile(samples(3), (8, 8, 1)))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.6 * len(whole))])
    with pytest.raises(UnreadableImageError, match=str(path)):
        decode(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_equals_pillow(tmp_path: Path, orientation: int) -> None:
    image = samples(3)
    stored = Image.fromarray((image >> 8).astype(np.uint8))
    stored.getexif()[0x0112] = orientation
    turned = np.asarray(ImageOps.exif_transpose(stored))
    assert np.array_equal(orient(image, orientation) >> 8, turned)

    exif = Image.Exif()
    exif[0x0112] = orientation
    write_png(tmp_path / "a.png", image, exif=exif.tobytes())
    decoded = decode(tmp_path / "a.png")
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded >> 8, turned)

    extratags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", extratags=extratags)
    decoded = decode(tmp_path / "a.tif")
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded >> 8, turned)
