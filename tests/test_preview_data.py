from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrgan_train.build import build_datamodule
from esrgan_train.cli import run_command
from esrgan_train.config import compose_config
from esrgan_train.data.channels import as_seen
from esrgan_train.data.strip import degradation_strip
from esrgan_train.images.encode import write_image
from esrgan_train.likeness.pictures import Crop, own_crops
from esrgan_train.likeness.readings import MEASURES, read, separation
from esrgan_train.likeness.verdict import verdict
from esrgan_train.preview_data import main

SMALL = ("data.gt_size=96", "data.num_workers=0", "upscale=2")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("more", [(), ("training.usm=false",), ("colour=gray",), ("degradation=chain",)])
def test_the_last_step_is_the_lr_of_the_sample(more: tuple[str, ...]) -> None:
    training = build_datamodule(compose_config([*SMALL, *more])).training
    for n in range(3):
        sample, course = training.sample(n), training.course(n)
        (y, x), side = course.corner, len(sample.lr)
        last = course.steps[-1].image[y : y + side, x : x + side]
        assert np.array_equal(as_seen(last, training.options.colour), sample.lr)


def test_the_strip_ends_with_lr() -> None:
    training = build_datamodule(compose_config([*SMALL, "degradation=chain"])).training
    strip, sample = degradation_strip(training, [0]), training.sample(0)
    shown = (np.rint(sample.lr * 255)).astype(np.uint8).reshape(-1, 3)
    tile = strip[-24 - 256 : -24, 24 + 256 + 16 : 24 + 2 * 256 + 16]  # the second of two
    blocks = tile.reshape(32, 8, 32, 8, 3)
    assert (blocks == blocks[:, :1, :, :1]).all()
    assert {tuple(pixel) for pixel in blocks[:, 0, :, 0].reshape(-1, 3)} <= {tuple(pixel) for pixel in shown}


def test_all_pictures_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO")
    write_image(Path("mine/a.png"), RNG.integers(0, 256, (90, 120, 3)).astype(np.uint8))
    write_image(Path("mine/small.png"), np.zeros((9, 9, 3), np.uint8))
    Path("mine/bad.png").write_bytes(b"no picture")
    assert main(["data.gt_size=96", "--like", "mine", "--like-count=5", "upscale=2", "degradation=bicubic"]) == 0
    for name in ("pairs", "strip", "like"):
        with Image.open(f"preview/{name}.png") as picture:
            assert min(picture.size) > 300
    told = "\n".join(caplog.messages)
    assert "bad.png cannot be read" in told
    assert "small.png is left out: its 9 × 9 pixels" in told
    assert "does not tell its steps" in told
    assert "your pictures are noisier than what training makes" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["data=folder"], "error: data.train_dir has no value: give data.train_dir=my/photos"),
        (["--like", "none"], "error: --like=none does not exist"),
        (["--like", "."], "error: --like=. holds no photo"),
    ],
)
def test_mistakes_get_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(lambda: main(arguments)) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)
    assert not Path("preview").exists()


def test_own_crops_are_spread_and_the_same_each_time(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / f"{number}.png", RNG.integers(0, 256, (40, 50, 3)).astype(np.uint8))
    first, again = (own_crops(tmp_path, 7, side=32, colour="luma") for _ in range(2))
    assert [crop.name for crop in first] == ["0.png"] * 2 + ["1.png"] * 2 + ["2.png"] * 3
    assert all(np.array_equal(one.image, other.image) for one, other in zip(first, again, strict=True))
    assert all(crop.image.shape == (32, 32, 3) and np.ptp(crop.image, axis=2).max() == 0 for crop in first)


def test_the_verdict_names_what_differs_most() -> None:
    degradation = build_datamodule(compose_config([])).training.degradation
    alike = {name: np.linspace(1, 2, 20) for name in MEASURES}
    assert verdict(alike, alike, degradation).startswith("your pictures look like what training makes")
    sharper = alike | {"blur": np.linspace(0.5, 0.9, 20), "noise": np.linspace(1.4, 2.4, 20)}
    line = verdict(sharper, alike, degradation)
    assert line.startswith(
        "your pictures are sharper than what training makes: width of the sharpest edges 0.7 against"
    )
    assert line.endswith("lower kernel.sigma of degradation.first and degradation.second")
    blocks = alike | {"blocks": np.linspace(4, 5, 20)}
    assert "more compressed" in verdict(blocks, alike, degradation)
    assert verdict(blocks, alike, degradation).endswith(
        "lower jpeg_quality of degradation.first and degradation.second"
    )
    assert verdict(alike, blocks, None).endswith("train on pairs whose LR is like them")


def test_separation_is_cliffs_delta() -> None:
    one, other = np.array([1.0, 2, 3]), np.array([2.0, 4])
    assert separation(one, other) == pytest.approx((1 - 4) / 6)
    assert separation(one, one) == 0
    assert separation(one, np.zeros(0)) == 0


def test_flat_crops_say_nothing_about_sharpness() -> None:
    flat = Crop("a", np.full((32, 32, 3), 7, np.uint8))
    assert {name: len(values) for name, values in read([flat]).items()} == {"blur": 0, "noise": 1, "blocks": 1}
