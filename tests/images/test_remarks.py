from __future__ import annotations

import logging
import multiprocessing
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from esrgan_train.images.decode import UnreadableImageError, decode, read_header
from esrgan_train.images.photo import read_photo
from esrgan_train.images.remarks import remark, remarks_on

BAD_EXIF = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01\x03\0\x01\0\0\0"  # five entries announced, less than one there
RGB = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)


def test_a_librarys_warning_is_one_line_that_names_each_photo_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray(RGB).save(tmp_path / name, exif=BAD_EXIF)
        for _ in range(2):
            decode(tmp_path / name)
            read_photo(tmp_path / name)
            read_header(tmp_path / name)
    assert [message.partition(": Corrupt EXIF data.")[0] for message in caplog.messages] == [
        str(tmp_path / "a.jpg"),
        str(tmp_path / "b.jpg"),
    ]
    assert "\n" not in "".join(caplog.messages)
    assert not recwarn.list


def test_all_that_tifffile_logs_becomes_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tifffile.imwrite(tmp_path / "a.tif", RGB, photometric="rgb", software="x" * 50)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        for name in ("Software", "ImageDescription"):
            tag = file.pages.first.tags[name]
            file.filehandle.seek(tag.offset + 8)
            file.filehandle.write(b"\xff\xff\xff\x7f")  # where its text is said to be
    assert np.array_equal(decode(tmp_path / "a.tif"), RGB)
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path / 'a.tif'}: ")
    assert line.endswith("(and 1 more such remarks)")


def test_transparency_of_a_palette_is_read_without_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    palette = Image.fromarray(RGB).quantize(8)
    expected = np.asarray(palette.convert("RGB"))
    palette.save(tmp_path / "a.png", transparency=bytes([0, 100, 200, 255]))
    assert np.array_equal(decode(tmp_path / "a.png"), expected)
    assert not caplog.messages
    assert not recwarn.list


def test_profiles_that_libpng_dislikes_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.png", icc_profile=b"too short")
    assert np.array_equal(decode(tmp_path / "a.png"), RGB)
    assert capfd.readouterr().err == ""


def test_other_threads_warnings_stay_warnings_and_failures_are_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.warns(UserWarning, match="of torch"), remarks_on(tmp_path / "a.png"):
        warnings.warn("of torch", stacklevel=1)
    assert not caplog.messages

    def fail() -> None:
        with remarks_on(tmp_path / "b.png"):
            remark("odd")
            raise OSError("cut off")

    with pytest.raises(OSError, match="cut off"):
        fail()
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    with pytest.raises(UnreadableImageError):
        decode(tmp_path / "c.jpg")
    assert not caplog.messages


def test_of_several_workers_one_logs_it_and_only_to_the_file(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log")
    handler.setFormatter(logging.Formatter("%(to_file_only)s %(message)s"))
    logger = logging.getLogger("esrgan_train")
    logger.addHandler(handler)
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=BAD_EXIF)
    try:
        for _ in range(2):
            worker = multiprocessing.get_context("fork").Process(target=decode, args=(tmp_path / "a.jpg",))
            worker.start()
            worker.join()
    finally:
        logger.removeHandler(handler)
        handler.close()
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith(f"True {tmp_path / 'a.jpg'}: Corrupt EXIF data.")
