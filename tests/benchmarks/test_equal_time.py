"""The race of two trainers: its files, its clock, its measure, its picture and its words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from benchmarks import peer
from benchmarks.proof import __main__ as command
from benchmarks.proof.minutes import draw_minutes, equal_time_section
from benchmarks.proof.pairs import tiles, write_pairs
from benchmarks.proof.photographs import Photograph
from benchmarks.proof.timekeeper import Timekeeper, Weights, scorer
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.degradation import BicubicDegradation
from esrgan_train.images.decode import to_float
from esrgan_train.images.encode import to_uint8

NETWORK = {"num_feat": 4, "num_conv": 1, "upscale": 2}


@pytest.mark.parametrize("size", [(300, 480), (480, 960), (640, 1280), (962, 1204)])
def test_tiles_cover_a_picture_and_fit_its_lr(size: tuple[int, int]) -> None:
    covered = np.zeros((*size, 3), np.uint8)
    for rows, columns in tiles(covered, 2):
        part = covered[rows, columns]
        assert max(part.shape[:2]) <= 480
        assert min(part.shape[:2]) >= min(480, *size)
        assert rows.start % 2 == columns.start % 2 == 0
        part += 1
    assert covered.min() >= 1


def test_pairs_are_parts_of_a_photograph_and_of_its_reduction(tmp_path: Path) -> None:
    hr = np.tile(skimage.data.astronaut()[:300], (1, 2, 1))[:, :600]
    assert write_pairs([Photograph("astronaut", "", hr)], tmp_path, scale=2) == 2
    low = to_uint8(BicubicDegradation(upscale=2)(to_float(hr), np.random.default_rng()))
    for name, start in (("astronaut_00.png", 0), ("astronaut_01.png", 120)):
        with Image.open(tmp_path / "hr" / name) as large, Image.open(tmp_path / "lr" / name) as small:
            np.testing.assert_array_equal(large, hr[:, start : start + 480])
            np.testing.assert_array_equal(small, low[:, start // 2 : start // 2 + 240])


def test_measuring_takes_no_time_of_the_race() -> None:
    now = [0.0]

    def score(_: Weights) -> float:
        now[0] += 100
        return 30.0

    keeper = Timekeeper(score, seconds=10, every=4, clock=lambda: now[0])
    keeper.start({})
    iterations, over = 0, False
    while not over:
        iterations += 1
        now[0] += 3
        over = keeper.after(iterations, dict)
    assert [(point.seconds, point.iterations) for point in keeper.points] == [(0, 0), (6, 2), (9, 3), (12, 4)]


def test_the_score_is_psnr_on_luma_inside_the_border() -> None:
    torch.manual_seed(0)
    network = SRVGGNetCompact(**NETWORK)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()  # what is left is the nearest pixel
    hr = skimage.data.astronaut()[:64, :80]
    low = np.ascontiguousarray(hr[::2, ::2])
    found = scorer([(low, hr)], NETWORK)(network.state_dict())
    weights = np.array([65.481, 128.553, 24.966]) / 255
    luma = [picture[2:-2, 2:-2] @ weights + 16 for picture in (low.repeat(2, 0).repeat(2, 1), hr)]
    assert found == pytest.approx(peak_signal_noise_ratio(luma[1], luma[0], data_range=255), abs=1e-3)


def record() -> dict[str, Any]:
    def rows(name: str, *values: float) -> list[dict[str, Any]]:
        return [
            {"trainer": name, "seconds": 60.0 * n, "iterations": 100 * n, "psnr_y": value}
            for n, value in enumerate(values)
        ]

    network = {"num_feat": 24, "num_conv": 8, "upscale": 2, "gt_size": 96, "batch_size": 16, "learning_rate": 1e-3}
    return {
        "command": "python -m benchmarks.proof equal-time",
        "machine": {
            "date": "2026-01-02T03:04:05Z", "commit": "abc", "cores": 2, "cpu": "a CPU",
            "versions": {"torch": "2.9", "basicsr": "1.4.2"},
        },
        "alike": {**network, "files": 100, "held_out": 5},
        "ways": {"esrgan_train": "starts as bilinear", "BasicSR": "starts at random"},
        "bicubic": 31.0,
        "rows": rows("esrgan_train", 30.0, 32.0, 33.0, 33.5) + rows("BasicSR", 10.0, 25.0, 31.5, 32.5),
    }  # fmt: skip


def test_the_words_say_who_ends_where_and_when_they_meet(tmp_path: Path) -> None:
    section = equal_time_section(record())
    assert "| esrgan_train | 3.0 | 300 | 33.50 |" in section
    assert "BasicSR has 32.50 dB after 3.0 minutes, esrgan_train after 2.0." in section
    turned = record()
    for row in turned["rows"]:
        row["trainer"] = {"esrgan_train": "BasicSR", "BasicSR": "esrgan_train"}[row["trainer"]]
    assert "esrgan_train has 32.50 dB after 3.0 minutes, BasicSR after 2.0." in equal_time_section(turned)
    head_start = record()
    head_start["rows"][0] |= {"psnr_y": 32.6, "iterations": 0}
    assert "after 3.0 minutes, esrgan_train before its first iteration." in equal_time_section(head_start)
    draw_minutes(record(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (800, 450)


@pytest.mark.run
@pytest.mark.slow
@pytest.mark.skipif(peer.missing() is not None, reason="the published code is not installed")
def test_quick_trains_both_on_the_same_files(tmp_path: Path) -> None:
    for name in ("photos", "held_out"):
        (tmp_path / name).mkdir()
        Image.fromarray(skimage.data.astronaut()).save(tmp_path / name / "astronaut.png")
    folders = ["--photos", str(tmp_path / "photos"), "--held-out", str(tmp_path / "held_out")]
    assert command.main(["equal-time", "--quick", *folders, "-o", str(tmp_path / "out")]) == 0
    content = json.loads((tmp_path / "out" / "equal_time.json").read_text(encoding="utf-8"))
    for name in ("esrgan_train", "BasicSR"):
        points = [row for row in content["rows"] if row["trainer"] == name]
        assert points[0]["seconds"] == points[0]["iterations"] == 0
        assert points[-1]["seconds"] >= content["alike"]["seconds"]
        assert points[-1]["iterations"] > 0
        assert points[-1]["psnr_y"] != points[0]["psnr_y"]
    assert equal_time_section(content) in (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "equal_time.png").is_file()
