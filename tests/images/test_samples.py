from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin
from skimage.data import coffee

from esrgan_train.images.decode import UnreadableImageError, decode
from esrgan_train.images.samples import DECODERS


def plainly(path: Path) -> Any:
    with Image.open(path) as image:
        return DECODERS[str(image.format)](path.read_bytes(), image)


def by_pillow(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
@pytest.mark.parametrize("size", [(1, 1), (33, 31), (120, 145)])
def test_a_jpeg_has_pillows_pixels(tmp_path: Path, subsampling: str, options: Any, size: tuple[int, int]) -> None:
    photo = coffee()[60 : 60 + size[0], 90 : 90 + size[1]]
    for quality in (20, 75, 96):
        Image.fromarray(photo).save(tmp_path / "a.jpg", quality=quality, subsampling=subsampling, **options)
        assert np.array_equal(plainly(tmp_path / "a.jpg"), by_pillow(tmp_path / "a.jpg"))


def test_a_jpeg_that_stores_rgb_has_pillows_pixels(tmp_path: Path) -> None:
    Image.fromarray(coffee()[:60, :50]).save(tmp_path / "a.jpg", keep_rgb=True)
    assert np.array_equal(plainly(tmp_path / "a.jpg"), by_pillow(tmp_path / "a.jpg"))


@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_png_has_its_pixels_whatever_else_it_says_of_colour(tmp_path: Path, level: int) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", 100_000))  # linear light, which must not be applied
    info.add_text("Software", "a program")
    info.add_text("Comment", "long", zip=True)
    photo = coffee()[:60, :51]
    Image.fromarray(photo).save(tmp_path / "a.png", compress_level=level, icc_profile=profile, pnginfo=info)
    assert np.array_equal(plainly(tmp_path / "a.png"), photo)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def rgb_png(*, before_end: bytes = b"", interlaced: bool = False) -> tuple[bytes, Any]:
    """A one-colour PNG of 8 × 8, put together by hand."""
    pixels = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    passes = [(1, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 8)] if interlaced else [(8, 8)]
    raw = b"".join(b"\0" + pixels[0, :width].tobytes() for height, width in passes for _ in range(height))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, int(interlaced))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + before_end + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body, pixels


@pytest.mark.parametrize("interlaced", [False, True])
def test_an_interlaced_png_is_plain_too(tmp_path: Path, interlaced: bool) -> None:
    content, pixels = rgb_png(interlaced=interlaced)
    (tmp_path / "a.png").write_bytes(content)
    assert np.array_equal(plainly(tmp_path / "a.png"), pixels)
    assert np.array_equal(by_pillow(tmp_path / "a.png"), pixels)


@pytest.mark.parametrize("place", [30, 45, -14, -3])
def test_a_png_with_a_wrong_byte_or_without_its_end_is_left_to_pillow(tmp_path: Path, place: int) -> None:
    content, _ = rgb_png()
    damaged = bytearray(content)
    damaged[place] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    with Image.open(tmp_path / "a.png") as image:
        for stored in (bytes(damaged), content[:-1], content[:-12], content[:60]):
            assert DECODERS["PNG"](stored, image) is None


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
        chunk(b"tEXt", b"XML:com.adobe.xmp\0<x tiff:Orientation='6'>"),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"x")),
        chunk(b"acTL", struct.pack(">II", 1, 0)),
        chunk(b"abCd", b"?"),
    ],
    ids=lambda extra: extra[4:8].decode(),
)
def test_a_png_that_may_be_turned_or_animated_is_left_to_pillow(tmp_path: Path, extra: bytes) -> None:
    (tmp_path / "a.png").write_bytes(rgb_png(before_end=extra)[0])
    assert plainly(tmp_path / "a.png") is None


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_jpeg_has_pillows_pixels(tmp_path: Path, turn: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(coffee()[:32, :49]).save(tmp_path / "a.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(plainly(tmp_path / "a.jpg"), upright)


def test_a_jpeg_without_its_end_is_left_to_pillow(tmp_path: Path) -> None:
    Image.fromarray(coffee()[:32, :48]).save(tmp_path / "b.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:-1])
    assert plainly(tmp_path / "b.jpg") is None


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_other_colours_are_left_to_pillow(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.fromarray(coffee()[:20, :20]).convert(mode).save(tmp_path / f"a.{suffix}")
    assert plainly(tmp_path / f"a.{suffix}") is None


@pytest.mark.parametrize(
    "raw", [zlib.compress(b"\0" * 25 * 5), zlib.compress(b"\0" * 200)[:-6], b"no zlib stream"]
)
def test_a_png_whose_sound_chunks_hold_too_little_is_refused(tmp_path: Path, raw: bytes) -> None:
    """Checksums reveal damaged files, not faulty programs."""
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", raw) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(UnreadableImageError):
        decode(tmp_path / "a.png")
