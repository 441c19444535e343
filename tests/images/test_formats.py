"""Each kind of picture file: its pixels against another decoder's, and the message for unsupported ones."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from esrgan_train.images import formats
from esrgan_train.images.decode import UnreadableImageError, decode, read_header, read_upright_size
from esrgan_train.images.find import find_photos
from esrgan_train.images.photo import read_photo
from tests.images.fuzz_decode import originals
from tests.images.test_decode import seen

HEIGHT, WIDTH = 12, 17
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
SMOOTH = cv2.resize(RGB, (96, 64), interpolation=cv2.INTER_CUBIC)
FILMS = ("GIF_film", "JPEGXL_film")


def write(path: Path, image: Any, **options: Any) -> Path:
    Image.fromarray(image).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.tga", {}),
        ("a.tga", {"compression": "tga_rle"}),
        ("a.ppm", {}),
        ("a.qoi", {}),
        ("a.dds", {}),
        ("a.jp2", {"irreversible": False}),
        ("a.j2k", {"irreversible": False}),
    ],
)
def test_lossless_rgb_comes_back_as_it_was(tmp_path: Path, name: str, options: Any) -> None:
    path = write(tmp_path / name, RGB, **options)
    assert np.array_equal(decode(path), RGB)
    assert read_header(path) == ((WIDTH, HEIGHT), False, 8)
    assert find_photos(tmp_path, option="x")[0] == path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", ["jxl", "jp2", "png"])
def test_gray_alpha_and_16_bits_come_back(tmp_path: Path, suffix: str, channels: int, dtype: Any) -> None:
    image = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, (HEIGHT, WIDTH, channels), dtype=dtype)
    stored = np.squeeze(image)
    encoded = {
        "jxl": lambda: imagecodecs.jpegxl_encode(stored, lossless=True),
        "jp2": lambda: imagecodecs.jpeg2k_encode(stored, level=0, reversible=True, codecformat="jp2"),
        "png": lambda: imagecodecs.png_encode(stored),
    }[suffix]()
    (tmp_path / f"a.{suffix}").write_bytes(encoded)
    photo = read_photo(tmp_path / f"a.{suffix}")
    colours = image[:, :, : 1 if channels < 3 else 3]
    assert np.array_equal(photo.rgb, np.broadcast_to(colours, (HEIGHT, WIDTH, 3)))
    assert photo.rgb.dtype == dtype
    assert photo.gray == (channels < 3)
    assert (photo.alpha is None) == (channels in (1, 3))
    if photo.alpha is not None:
        assert np.array_equal(photo.alpha, image[:, :, -1])
    assert np.array_equal(decode(tmp_path / f"a.{suffix}"), photo.rgb)


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("kind", ["avif", "jp2", "jxl"])
def test_levels_of_10_and_12_bits_are_widened(tmp_path: Path, kind: str, bits: int) -> None:
    image = np.random.default_rng(2).integers(0, 2**bits, (HEIGHT, WIDTH, 3), dtype=np.uint16)
    encoded = {
        "avif": lambda: imagecodecs.avif_encode(image, bitspersample=bits),
        "jp2": lambda: imagecodecs.jpeg2k_encode(image, level=0, reversible=True, bitspersample=bits),
        "jxl": lambda: imagecodecs.jpegxl_encode(image, lossless=True, bitspersample=bits),
    }[kind]()
    (tmp_path / f"a.{kind}").write_bytes(encoded)
    assert np.array_equal(decode(tmp_path / f"a.{kind}"), np.rint(image * (65535 / (2**bits - 1))))


@pytest.mark.parametrize("white", [65535, 4095, 255, 100])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("plain", [False, True])
def test_ppm_and_pgm_of_any_white(tmp_path: Path, white: int, channels: int, plain: bool) -> None:
    levels = np.random.default_rng(3).integers(0, white + 1, (HEIGHT, WIDTH, channels))
    magic = {1: 5, 3: 6}[channels] - (3 if plain else 0)
    body = b" ".join(b"%d" % level for level in levels.flat)
    if plain:
        body = b"# 7 7 7\n" + body
    else:
        body = levels.astype(">u2" if white > 255 else np.uint8).tobytes()
    (tmp_path / "a.pnm").write_bytes(b"P%d\n# a comment\n%d %d %d\n" % (magic, WIDTH, HEIGHT, white) + body)
    decoded = decode(tmp_path / "a.pnm")
    assert decoded.dtype == (np.uint16 if white > 255 else np.uint8)
    exact = np.broadcast_to(levels * (np.iinfo(decoded.dtype).max / white), decoded.shape)
    assert np.abs(decoded - exact).max() <= 0.5001 if white > 255 else 1
    if white == 65535 and not plain:
        theirs = cv2.imread(str(tmp_path / "a.pnm"), cv2.IMREAD_UNCHANGED).reshape(HEIGHT, WIDTH, channels)
        assert np.array_equal(decoded[:, :, :channels], theirs[:, :, ::-1])


def test_gif_has_its_palettes_colours_and_its_transparency(tmp_path: Path) -> None:
    palette = Image.fromarray(RGB).quantize(16)
    expected = np.asarray(palette.convert("RGB"))
    palette.save(tmp_path / "a.gif", transparency=3)
    photo = read_photo(tmp_path / "a.gif")
    assert photo.alpha is not None
    assert np.array_equal(photo.alpha, np.where(np.asarray(palette) == 3, 0, 255))
    assert np.array_equal(photo.rgb[photo.alpha > 0], expected[photo.alpha > 0])


def test_avif_has_the_pixels_of_another_decoder_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = write(tmp_path / "a.avif", SMOOTH, quality=90, exif=exif)
    theirs = imagecodecs.avif_decode(path.read_bytes())
    assert np.abs(theirs.astype(int) - SMOOTH).mean() < 6
    assert np.array_equal(decode(path), seen(theirs, 6))
    assert read_upright_size(path) == (64, 96)


def test_a_jpeg_xl_that_is_stored_turned_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    write(tmp_path / "a.jpg", SMOOTH, quality=95, exif=exif)
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode_jpeg((tmp_path / "a.jpg").read_bytes()))
    assert np.abs(decode(tmp_path / "a.jxl").astype(int) - decode(tmp_path / "a.jpg")).mean() < 1
    assert read_header(tmp_path / "a.jxl").size == (96, 64)
    assert read_upright_size(tmp_path / "a.jxl") == (64, 96)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (255, 40), (256, 192), (300, 200), (8, 520), (40, 9000)])
def test_the_size_of_a_jpeg_xl_is_read_from_its_header(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(np.zeros((size[1], size[0], 3), np.uint8)))
    assert read_header(tmp_path / "a.jxl") == (size, False, 8)


def test_heic_has_the_pixels_of_its_library_upright(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    turned = Image.Exif()
    turned[0x0112] = 6
    decoded = decode(write(tmp_path / "a.heic", SMOOTH, quality=90, exif=turned.tobytes()))
    assert np.array_equal(decoded, np.asarray(heif.open_heif(tmp_path / "a.heic")))
    assert np.abs(decoded.astype(int) - seen(SMOOTH, 6)).mean() < 12
    assert read_upright_size(tmp_path / "a.heic") == (64, 96)
    deep = SMOOTH.astype(np.uint16) * 257
    heif.from_bytes("RGB;16", (96, 64), deep.tobytes()).save(tmp_path / "b.heic", quality=90)
    decoded = decode(tmp_path / "b.heic")
    assert decoded.dtype == np.uint16
    assert len(np.unique(decoded)) > 256
    assert np.abs(decoded.astype(int) - deep).mean() < 12 * 257


@pytest.mark.parametrize("suffix", ["gif", "avif", "jxl", "heic", "tif"])
def test_of_several_pictures_the_first_is_read_and_the_rest_reported(tmp_path: Path, suffix: str) -> None:
    path, second = tmp_path / f"a.{suffix}", 255 - SMOOTH
    if suffix == "heic":
        pytest.importorskip("pillow_heif")
    if suffix == "jxl":
        path.write_bytes(imagecodecs.jpegxl_encode(np.stack([SMOOTH, second]), lossless=True))
    else:
        write(path, SMOOTH, save_all=True, append_images=[Image.fromarray(second)])
    assert read_header(path).several
    assert read_photo(path).several
    assert np.abs(decode(path).astype(int) - SMOOTH).mean() < 12  # as far as a GIF's palette takes it


def test_a_tga_is_recognised_by_its_suffix_and_all_else_by_content(tmp_path: Path) -> None:
    write(tmp_path / "a.tga", RGB)
    assert np.array_equal(decode(tmp_path / "a.tga"), RGB)
    with pytest.raises(UnreadableImageError, match="it is not a PNG, JPEG"):
        decode((tmp_path / "a.tga").rename(tmp_path / "a.png"))
    (tmp_path / "b.tga").write_bytes(imagecodecs.jpegxl_encode(RGB, lossless=True))
    assert np.array_equal(decode(tmp_path / "b.tga"), RGB)


@pytest.mark.parametrize("kind", originals())
def test_a_truncated_file_and_a_decompression_bomb_are_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, path = originals()[kind], tmp_path / f"a.{kind.partition('_')[0].lower()}"
    for part in (0.0, 0.02, 0.3) if kind in FILMS else (0.0, 0.02, 0.5, 0.95):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(UnreadableImageError, match=re.escape(f"{path} cannot be read: ")):
            decode(path)
    path.write_bytes(whole)
    decode(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with pytest.raises(UnreadableImageError, match="more than 200 pixels; cut it into smaller ones"):
        read_header(path)


def test_other_pictures_are_counted_by_suffix_and_other_files_are_not() -> None:
    assert formats.skipped({".cr2": 5, ".psd": 1200, ".nef": 5}) == (
        "skipped: 1,200 .psd, 5 .cr2, 5 .nef: convert them to PNG or TIFF"
    )
    assert formats.skipped({}) == ""
    assert not formats.SUFFIXES & formats.UNSUPPORTED


def test_without_the_package_for_heic_its_files_are_skipped_with_the_remedy(tmp_path: Path) -> None:
    for name in ("a.png", "b.heic", "c.HEIC", "d.psd"):
        write(tmp_path / name, RGB, format="PNG")
    (tmp_path / "e.png").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    script = (
        "import importlib.util as util, sys\n"
        "known = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'pillow_heif' else known(name, *rest)\n"
        "from esrgan_train.images.decode import UnreadableImageError, decode\n"
        "from esrgan_train.images.find import find_photos\n"
        "print([path.name for path in find_photos(sys.argv[1], option='x', say=print)])\n"
        "try: decode(sys.argv[1] + '/e.png')\n"
        "except UnreadableImageError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        f"x={tmp_path}: skipped: 1 .psd: convert them to PNG or TIFF; skipped: 2 .heic: "
        "pip install 'esrgan-train[heif]'",
        "['a.png', 'e.png']",
        f"{tmp_path / 'e.png'} cannot be read: it is a HEIC file: pip install 'esrgan-train[heif]'",
    ]


def test_a_multi_picture_jpeg_of_a_camera_is_one_photo(tmp_path: Path) -> None:
    with_preview = io.BytesIO()
    Image.fromarray(SMOOTH).save(
        with_preview, "MPO", save_all=True, append_images=[Image.fromarray(SMOOTH[::2, ::2])]
    )
    (tmp_path / "a.jpg").write_bytes(with_preview.getvalue())
    assert read_header(tmp_path / "a.jpg") == ((96, 64), False, 8)
    assert np.array_equal(decode(tmp_path / "a.jpg"), np.asarray(Image.open(tmp_path / "a.jpg")))


def test_the_documentation_lists_every_suffix() -> None:
    page = (Path(__file__).parents[2] / "docs/data.md").read_text()
    rows = [line.rpartition("|")[0].rpartition("|")[2] for line in page.splitlines() if line.count("`.") == 1]
    assert {suffix for row in rows for suffix in row.strip(" `").split()} == formats.SUFFIXES
