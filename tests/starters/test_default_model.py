"""Enlarging without a model of one's own: which of those that ship is taken, and that it is said."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import write_image
from esrgan_train.inference.models import load_generator, upscale
from esrgan_train.starters.catalogue import STARTERS, for_enlargement, for_training, located
from esrgan_train.upscale import main

Networks = dict[str, SRVGGNetCompact]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_image(tmp_path / "photo.png", np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8))
    return tmp_path / "photo.png"


@pytest.mark.parametrize(
    ("scale", "name", "size"),
    [
        (None, "x2_photo", (24, 20)),
        ("2", "x2_photo", (24, 20)),
        ("1.5", "x2_photo", (18, 15)),  # reduced, as with a model that is given
        ("3", "x4_photo", (36, 30)),
        ("4", "x4_photo", (48, 40)),
        ("5", "x4_photo", (60, 50)),
    ],
)
def test_the_scale_chooses_the_model_and_a_line_says_so(
    scale: str | None, name: str, size: tuple[int, int], photo: Path, stand_ins: Networks, caplog
):
    out = photo.parent / "out"
    words = [str(photo), "-o", str(out), "--precision", "32", "--device", "cpu"]
    with caplog.at_level(logging.INFO):
        assert main(words if scale is None else [*words, "--scale", scale]) == 0
    found = decode(out / "photo.png")
    assert found.shape[:2] == size
    if size[0] == 12 * int(name[1]):
        assert np.array_equal(found, upscale(decode(photo), stand_ins[name]))
    (line,) = (text for text in caplog.messages if "everyday" in text)
    assert line.startswith(f"model {name}, ×{name[1]}, for everyday pictures; --model takes another")
    assert all(one.name in line for one in STARTERS)


def test_a_name_stands_for_its_model_unless_there_is_such_a_file(
    photo: Path, stand_ins: Networks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(photo.parent)
    command = [str(photo), "-o", "out", "--precision", "32", "--device", "cpu"]
    assert main([*command, "--model", "x2_clean"]) == 0
    assert np.array_equal(decode(Path("out/photo.png")), upscale(decode(photo), stand_ins["x2_clean"]))
    assert np.array_equal(
        upscale(decode(photo), load_generator("x4_photo")), upscale(decode(photo), stand_ins["x4_photo"])
    )
    Path("x2_clean").write_text("mine", encoding="utf-8")
    assert located("x2_clean") == Path("x2_clean")
    with pytest.raises(UserError, match="--model x2_clean is not a model file"):
        main([*command, "--model", "x2_clean"])


@pytest.mark.usefixtures("stand_ins")
def test_a_model_that_is_not_there_is_named(photo: Path):
    for_enlargement(2).file.unlink()
    with pytest.raises(UserError, match=r"x2_photo\.safetensors does not exist"):
        main([str(photo), "-o", str(photo.parent / "out")])


def test_training_starts_from_the_model_for_its_pictures_where_there_are_two():
    assert for_training(2, clean=True).name == "x2_clean"
    assert for_training(2, clean=False).name == "x2_photo"
    assert for_training(4, clean=True).name == "x4_photo"  # there is no other
    assert for_training(3, clean=False) is None


@pytest.mark.usefixtures("stand_ins")
def test_an_animation_is_enlarged_by_it_too(tmp_path: Path, caplog):
    first, second = (Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (60, 200))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second], duration=100)
    with caplog.at_level(logging.INFO):
        assert main([str(tmp_path / "a.gif"), "-o", str(tmp_path / "out.apng"), "--scale", "4"]) == 0
    with Image.open(tmp_path / "out.apng") as made:
        assert (made.size, made.n_frames) == ((32, 32), 2)
    assert any(line.startswith("model x4_photo, ×4") for line in caplog.messages)
