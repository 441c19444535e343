"""What upscaling keeps of a photo: read and written, looked at with other libraries."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from esrgan_train.images.photo import Photo, read_photo, write_photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY = SRGB[:16] + b"GRAY" + SRGB[20:]
EXTRA_SAMPLES, PROFILE, UNASSOCIATED = 338, 34675, 2


def samples(channels: int, dtype: Any = np.uint16) -> Any:
    top = np.iinfo(dtype).max + 1
    return np.random.default_rng(1).integers(0, top, (9, 7, channels), dtype=dtype)


def photo_of(stored: Any, profile: bytes | None = None) -> Photo:
    gray = stored.shape[2] < 3
    rgb = np.repeat(stored[:, :, :1], 3, axis=2) if gray else stored[:, :, :3]
    return Photo(rgb, stored[:, :, -1] if stored.shape[2] in (2, 4) else None, gray, profile, several=False)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_transparent_colour_of_a_16_bit_png_becomes_alpha(tmp_path: Path, channels: int) -> None:
    stored = samples(channels)
    hidden = stored[4, 3]
    header = struct.pack(">IIBBBBB", 7, 9, 16, 0 if channels == 1 else 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in stored)
    body = chunk(b"IHDR", header) + chunk(b"tRNS", hidden.astype(">u2").tobytes())
    body += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    photo = read_photo(tmp_path / "a.png")
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, np.where((stored == hidden).all(axis=2), 0, 65535))
    assert np.array_equal(photo.rgb, np.broadcast_to(stored, (9, 7, 3)))
    assert photo.gray == (channels == 1)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bit_files_are_what_other_libraries_expect(tmp_path: Path, channels: int) -> None:
    stored = samples(channels)
    photo = photo_of(stored, GRAY if channels < 3 else SRGB)
    for suffix in (".png", ".tiff"):
        write_photo(tmp_path / f"a{suffix}", photo)
        back = read_photo(tmp_path / f"a{suffix}")
        assert back.gray == photo.gray
        assert back.profile == photo.profile
        assert np.array_equal(back.rgb, photo.rgb)
    content = (tmp_path / "a.png").read_bytes()
    assert content[24:26] == bytes([16, {1: 0, 2: 4, 3: 2, 4: 6}[channels]])  # depth and colour type
    assert np.array_equal(imagecodecs.png_decode(content), np.squeeze(stored))
    with tifffile.TiffFile(tmp_path / "a.tiff") as file:
        page = file.pages.first
        assert np.array_equal(page.asarray(), np.squeeze(stored))
        assert page.tags[PROFILE].value == photo.profile
        assert page.extrasamples == ((UNASSOCIATED,) if channels in (2, 4) else ())
    if channels > 2:
        theirs = cv2.imread(str(tmp_path / "a.tiff"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(theirs[:, :, 2::-1], photo.rgb)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_8_bit_alpha_and_gray_are_written(tmp_path: Path, channels: int, suffix: str) -> None:
    photo = photo_of(samples(channels, np.uint8))
    write_photo(tmp_path / f"a{suffix}", photo)
    back = read_photo(tmp_path / f"a{suffix}")
    assert (back.alpha is None) == (photo.alpha is None)
    if suffix != ".webp":
        assert np.array_equal(back.rgb, photo.rgb)
        assert back.gray == photo.gray
    if suffix == ".tiff" and photo.alpha is not None:
        with Image.open(tmp_path / "a.tiff") as image:
            assert image.tag_v2[EXTRA_SAMPLES] == (UNASSOCIATED,)


@pytest.mark.parametrize(
    ("mode", "profile", "said"),
    [
        ("L", SRGB, "its colour profile is for RGB, not for gray, and is dropped"),
        ("RGB", GRAY, "its colour profile is for GRAY, not for RGB, and is dropped"),
        ("CMYK", SRGB[:16] + b"CMYK" + SRGB[20:], "its colour profile is for CMYK, not for RGB, and is dropped"),
        ("RGB", SRGB, None),
        ("L", GRAY, None),
    ],
)
def test_a_profile_for_other_colours_is_dropped_with_a_remark(
    tmp_path: Path,
    mode: str,
    profile: bytes,
    said: str | None,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    Image.fromarray(samples(3, np.uint8)).convert(mode).save(tmp_path / "a.jpg", icc_profile=profile)
    photo = read_photo(tmp_path / "a.jpg")
    assert photo.profile == (None if said else profile)
    assert caplog.messages == ([f"{tmp_path / 'a.jpg'}: {said}"] if said else [])
    write_photo(tmp_path / "b.png", photo)
    cv2.imread(str(tmp_path / "b.png"))  # libpng prints what it dislikes
    assert capfd.readouterr().err == ""


def test_the_profile_of_a_jpeg_2000_is_kept(tmp_path: Path) -> None:
    Image.fromarray(samples(3, np.uint8)).save(tmp_path / "a.jp2")
    stored = (tmp_path / "a.jp2").read_bytes()
    place = stored.index(b"colr") - 4
    old = stored[place : place + int.from_bytes(stored[place : place + 4], "big")]
    new = struct.pack(">I", 11 + len(SRGB)) + b"colr\x02\0\0" + SRGB
    header = stored.index(b"jp2h") - 4
    length = int.from_bytes(stored[header : header + 4], "big") + len(new) - len(old)
    changed = stored[:header] + struct.pack(">I", length) + stored[header + 4 :].replace(old, new)
    (tmp_path / "b.jp2").write_bytes(changed)
    assert read_photo(tmp_path / "a.jp2").profile is None
    assert read_photo(tmp_path / "b.jp2").profile == SRGB
    assert np.array_equal(read_photo(tmp_path / "b.jp2").rgb, read_photo(tmp_path / "a.jp2").rgb)
