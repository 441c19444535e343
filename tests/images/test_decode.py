from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.data import coffee

from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError, decode, read_header, to_float

HEIGHT, WIDTH = 12, 17


@pytest.fixture
def rgb() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_lossless_rgb_comes_back_as_it_was(tmp_path: Path, rgb: Any, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(rgb).save(path, **options)
    image = decode(path)
    assert image.dtype == np.uint8
    assert np.array_equal(image, rgb)
    assert image.flags.writeable
    assert read_header(path).size == (WIDTH, HEIGHT)


def test_jpeg_equals_opencv(tmp_path: Path, rgb: Any) -> None:
    # Smooth, so that the two libraries' ways to enlarge chroma can hardly differ.
    smooth = cv2.resize(rgb, (96, 64), interpolation=cv2.INTER_CUBIC)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=90)
    stored = np.fromfile(tmp_path / "a.jpg", dtype=np.uint8)
    reference = cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.abs(decode(tmp_path / "a.jpg").astype(int) - reference).max() <= 2


def test_bytes_behind_a_jpeg_do_no_harm(tmp_path: Path) -> None:
    Image.fromarray(coffee()[:64, :64]).save(tmp_path / "a.jpg")
    expected = decode(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("ab") as file:
        file.write(b"\0" * 100)
    assert np.array_equal(decode(tmp_path / "a.jpg"), expected)


def test_the_content_counts_and_not_the_suffix(tmp_path: Path, rgb: Any) -> None:
    Image.fromarray(rgb).save(tmp_path / "a.bmp")
    Image.fromarray(rgb).save(tmp_path / "a.jpg", quality=95)
    expected = decode(tmp_path / "a.jpg")
    assert np.array_equal(decode((tmp_path / "a.bmp").rename(tmp_path / "b.webp")), rgb)
    assert np.array_equal(decode((tmp_path / "a.jpg").rename(tmp_path / "b.png")), expected)
    (tmp_path / "c.png").write_text("no picture\n")
    check_message(tmp_path / "c.png", "it is not a PNG, JPEG")


@pytest.mark.run
def test_a_photo_of_20000_pixels_works(tmp_path: Path) -> None:
    Image.new("L", (20_000, 4_600), 7).save(tmp_path / "a.png")  # more than Pillow's own limit
    image = decode(tmp_path / "a.png")
    assert image.shape == (4_600, 20_000, 3)
    assert image[-1, -1].tolist() == [7, 7, 7]


def test_a_pipe_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    check_message(tmp_path / "a.png", "a pipe or a device")


def decode_as_nobody(path: Path, answers: Any) -> None:
    os.setuid(65534)
    try:
        decode(path)
    except UnreadableImageError as error:
        answers.put(str(error))


def test_a_file_without_permission_is_named(tmp_path: Path, rgb: Any) -> None:
    Image.fromarray(rgb).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    if os.getuid():
        check_message(tmp_path / "a.png", "Permission denied")
        return
    fork = multiprocessing.get_context("fork")  # root may read everything, so somebody else has to try
    answers = fork.SimpleQueue()
    process = fork.Process(target=decode_as_nobody, args=(tmp_path / "a.png", answers))
    process.start()
    process.join()
    assert answers.get() == f"{tmp_path / 'a.png'} cannot be read: Permission denied"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_modes_become_rgb_and_alpha_is_dropped(tmp_path: Path, rgb: Any, mode: str) -> None:
    source = Image.fromarray(rgb).convert("RGBA") if mode == "RGBA" else Image.fromarray(rgb).convert(mode)
    if mode in ("LA", "RGBA"):
        source.putalpha(Image.fromarray(rgb[:, :, 0]))
    source.save(tmp_path / "a.png")
    channels = np.asarray(source.convert("RGB") if mode in ("1", "P") else source)
    colours = channels if mode in ("1", "P") else channels[..., :1] if mode == "LA" else channels[..., :3]
    if mode == "L":
        colours = channels[..., None]
    assert np.array_equal(decode(tmp_path / "a.png"), np.broadcast_to(colours, rgb.shape))


def test_transparency_of_a_palette_leaves_the_colours(tmp_path: Path, rgb: Any) -> None:
    palette = Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    expected = np.asarray(palette.convert("RGB"))
    palette.save(tmp_path / "a.png", transparency=3)
    assert np.array_equal(decode(tmp_path / "a.png"), expected)


def test_cmyk_jpeg_is_converted_as_pillow_does(tmp_path: Path, rgb: Any) -> None:
    Image.fromarray(rgb).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as stored:
        assert stored.mode == "CMYK"
        expected = np.asarray(stored.convert("RGB"))
    assert np.array_equal(decode(tmp_path / "a.jpg"), expected)
    assert np.abs(expected.astype(int) - rgb).mean() < 40  # and is not a negative


def seen(stored: Any, orientation: int) -> Any:
    """What EXIF's eight orientations mean, in the words of the standard: row 0 is …, column 0 is …"""
    return {
        1: stored,
        2: np.fliplr(stored),  # row 0 top, column 0 right
        3: np.rot90(stored, 2),  # bottom, right
        4: np.flipud(stored),  # bottom, left
        5: np.swapaxes(stored, 0, 1),  # left, top
        6: np.rot90(stored, -1),  # right, top: turn clockwise to see
        7: np.rot90(np.swapaxes(stored, 0, 1), 2),  # right, bottom
        8: np.rot90(stored, 1),  # left, bottom
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_exif_orientation_is_applied(tmp_path: Path, rgb: Any, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(rgb).save(tmp_path / f"a.{suffix}", exif=exif, **options)
    assert np.array_equal(decode(tmp_path / f"a.{suffix}"), seen(rgb, orientation))


def test_exif_orientation_of_a_jpeg(tmp_path: Path) -> None:
    left_red = np.zeros((32, 48, 3), np.uint8)
    left_red[:, :24, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(left_red).save(tmp_path / "a.jpg", exif=exif, quality=95)
    image = decode(tmp_path / "a.jpg")
    assert image.shape == (48, 32, 3)
    assert image[:16, :, 0].min() > 200
    assert image[32:, :, 0].max() < 50


@pytest.mark.parametrize("suffix", ["tif", "webp", "png"])
def test_of_several_pictures_the_first_is_read(tmp_path: Path, rgb: Any, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    rest = [Image.fromarray(255 - rgb)]
    Image.fromarray(rgb).save(tmp_path / f"a.{suffix}", save_all=True, append_images=rest, **options)
    assert np.array_equal(decode(tmp_path / f"a.{suffix}"), rgb)


def check_message(path: Path, reason: str | None = None) -> None:
    with pytest.raises(UnreadableImageError, match=reason) as caught:
        decode(path)
    text = str(caught.value)
    assert isinstance(caught.value, UserError)
    assert text.startswith(f"{path} cannot be read: ")
    assert "\n" not in text


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.95])
def test_a_truncated_file_is_named(tmp_path: Path, rgb: Any, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(np.tile(rgb, (4, 4, 1))).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    check_message(path)


def test_a_missing_file_another_kind_and_a_folder_are_named(tmp_path: Path, rgb: Any) -> None:
    check_message(tmp_path / "gone.png", "No such file")
    Image.fromarray(rgb).save(tmp_path / "a.pcx")
    check_message((tmp_path / "a.pcx").rename(tmp_path / "a.png"), "it is not a PNG, JPEG")
    (tmp_path / "empty.png").touch()
    check_message(tmp_path / "empty.png", "it is empty")
    (tmp_path / "folder.png").mkdir()
    check_message(tmp_path / "folder.png", "directory")
    with pytest.raises(UnreadableImageError, match="No such file"):
        read_header(tmp_path / "gone.png")


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint32, np.int16])
def test_samples_without_a_known_white_are_refused(tmp_path: Path, rgb: Any, dtype: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", rgb[:, :, 0].astype(dtype), photometric="minisblack")
    check_message(tmp_path / "a.tif")


def test_lab_is_refused(tmp_path: Path, rgb: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", rgb, photometric="cielab")
    check_message(tmp_path / "a.tif", "LAB")


@pytest.mark.parametrize("limit", [HEIGHT * WIDTH - 1, HEIGHT * WIDTH // 3])
def test_a_decompression_bomb_is_refused(
    tmp_path: Path, rgb: Any, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(rgb).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    check_message(tmp_path / "a.png", f"more than {limit} pixels")


def test_to_float_maps_white_to_one() -> None:
    assert to_float(np.array([[[0, 51, 255]]], np.uint8)).ravel().tolist() == [0.0, np.float32(0.2), 1.0]
    assert to_float(np.array([[[0, 13107, 65535]]], np.uint16)).ravel().tolist() == [
        0.0,
        np.float32(0.2),
        1.0,
    ]
    with pytest.raises(ValueError, match="float64"):
        to_float(np.zeros((1, 1, 3)))
