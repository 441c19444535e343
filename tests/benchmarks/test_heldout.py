"""Held-out figures: the measures, the draws, the tables, and what docs/results.md shows of the record."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from benchmarks.proof import __main__ as command
from benchmarks.proof.carried import CARRIED
from benchmarks.proof.crops import Sheets
from benchmarks.proof.heldout import Enlarged, measured
from benchmarks.proof.measures import all_measures, colour, flatness, grid, overshoot, sharpness
from benchmarks.proof.methods import Method, interpolations, models_in
from benchmarks.proof.photographs import Photograph, reductions
from benchmarks.proof.record import read, write
from benchmarks.proof.tables import heldout_section
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.images.sheet import pictures_of
from esrgan_train.modelfiles.weights import save_model

ROOT = Path(__file__).parents[2]
GRAY = np.full((96, 96, 3), 120, np.uint8)
OPTIONS = {"num_feat": 8, "num_conv": 2, "upscale": 2}


def noisy(sigma: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, sigma, (96, 96, 1)).round()
    return (GRAY + noise).astype(np.uint8)


def model(file: Path) -> Path:
    torch.manual_seed(0)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_model(file, SRVGGNetCompact(**OPTIONS).state_dict(), {"arch": "srvgg", "options": OPTIONS})
    return file


def test_a_slope_half_as_steep_is_half_as_sharp() -> None:
    ramp = np.repeat(np.arange(0, 192, 2, dtype=np.uint8)[None, :, None], 96, axis=0).repeat(3, axis=2)
    assert sharpness(ramp // 2, ramp) == pytest.approx(0.5)
    assert sharpness(ramp, ramp) == 1
    assert sharpness(cv2.GaussianBlur(noisy(20), (7, 7), 2), noisy(20)) < 0.3  # type: ignore[operator]
    assert sharpness(ramp, GRAY) is None


def test_flatness_is_the_deviation_where_hr_is_flat_and_only_there() -> None:
    sr = noisy(5)
    hr = GRAY.copy()
    hr[:, 48:] = noisy(30)[:, 48:]  # not flat: what SR does there does not count
    sr[:, 48:] = noisy(80)[:, 48:]
    windows = np.lib.stride_tricks.sliding_window_view(sr[:, :48, 0].astype(float), (7, 7))
    expected = np.percentile(windows.std(axis=(2, 3)), 95)
    assert flatness(sr, hr) == pytest.approx(expected, rel=1e-6)
    assert flatness(hr, hr) == pytest.approx(0, abs=1e-6)
    assert flatness(sr, noisy(30)) is None


def test_colour_is_that_of_the_channel_that_is_farthest_off() -> None:
    assert colour(GRAY + np.array([0, 3, 1], np.uint8), GRAY) == pytest.approx(3 / 255)


def test_overshoot_is_how_far_sr_leaves_the_range_around_it() -> None:
    hr = GRAY.copy()
    hr[:, 48:] = 200
    sr = hr.copy()
    assert overshoot(sr, hr) == 0
    sr[:, 46:48], sr[:, 48:50] = 100, 230  # a halo on either side of the edge
    assert overshoot(sr, hr) == pytest.approx(30)
    soft = cv2.blur(hr, (5, 5))
    assert overshoot(soft, hr) == 0


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_grid_is_the_part_of_the_error_that_repeats_with_each_lr_pixel(scale: int) -> None:
    stripes, other = GRAY.copy(), GRAY.copy()
    stripes[:, ::scale] += 6
    other[:, :: scale + 1] += 6  # of another period
    share = 1 / scale
    assert grid(stripes, GRAY, scale) == pytest.approx(6 * (share * (1 - share)) ** 0.5)
    assert grid(other, GRAY, scale) < 0.1
    assert grid(GRAY + 9, GRAY, scale) == 0


def test_each_measure_knows_what_is_better() -> None:
    measures, left_out = all_measures()
    hr = skimage.data.astronaut()[:200, :200]
    soft = cv2.GaussianBlur(hr, (9, 9), 3)
    for name in ("psnr_y", "ssim_y", "sharpness"):
        assert measures[name](soft, hr, 2) < measures[name](hr, hr, 2), name  # type: ignore[operator]
    assert len(measures) + len(left_out) == 10


@pytest.mark.parametrize("name", ["bicubic", "light"])
def test_draws_are_the_same_each_time_and_random_ones_differ(name: str) -> None:
    photograph = Photograph("astronaut", "", skimage.data.astronaut()[:96, :96])
    (way,) = reductions([name], scale=2, draws=3)
    first, again = (list(way.lows(photograph, seed=0)) for _ in range(2))
    assert [draw for draw, _ in first] == ([0] if name == "bicubic" else [0, 1, 2])
    for (_, low), (_, same) in zip(first, again, strict=True):
        assert low.shape == (48, 48, 3)
        np.testing.assert_array_equal(low, same)
    if name == "light":
        assert len({low.tobytes() for _, low in first}) == 3
        (_, other), *_ = way.lows(photograph, seed=1)
        assert other.tobytes() != first[0][1].tobytes()


def enlarged(method: Method, hr: np.ndarray, *, draw: int = 0) -> Enlarged:
    low = cv2.resize(hr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return Enlarged(
        photograph=Photograph("astronaut", "", hr),
        degradation="light",
        draw=draw,
        method=method,
        lr=low,
        sr=method.enlarge(low),
    )


def test_a_border_of_the_scale_does_not_count() -> None:
    hr = np.tile(np.uint8([90, 120, 150]), (96, 96, 1))
    one = enlarged(interpolations(2)[0], hr)
    one.sr[:2] = one.sr[:, -2:] = 0
    row = measured(one, all_measures()[0])
    assert (row["method"], row["psnr_y"], row["colour"]) == ("bicubic", 100, 0)
    one.sr[2] = 0
    assert measured(one, all_measures()[0])["psnr_y"] < 40


def test_the_sheet_shows_the_same_place_of_lr_of_each_method_and_of_hr() -> None:
    hr = skimage.data.astronaut()
    sheets = Sheets([Photograph("astronaut", "", hr)], hidden=["lanczos"])
    for method in interpolations(2):
        for draw in range(2):
            sheets.add(enlarged(method, hr, draw=draw))
    ((low, bicubic, high),) = pictures_of(sheets.drawn()[2])
    rows, columns = sheets.places["astronaut"]
    assert low.shape == bicubic.shape == high.shape == (192, 192, 3)
    np.testing.assert_array_equal(high[::2, ::2], hr[rows, columns])
    lr = cv2.resize(hr, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(low[::4, ::4], lr.repeat(2, 0).repeat(2, 1)[rows, columns][::2, ::2])
    np.testing.assert_array_equal(bicubic[::2, ::2], interpolations(2)[0].enlarge(lr)[rows, columns])


@pytest.mark.run
@pytest.mark.parametrize("carried", [each for each in CARRIED if not each.large], ids=lambda each: each.name)
def test_published_weights_enlarge_a_photograph(carried: Any) -> None:
    lr = skimage.data.astronaut()[40:72, 180:220]
    sr = carried(lr)
    assert sr.shape == (32 * carried.scale, 40 * carried.scale, 3)
    reduced = cv2.resize(sr, (40, 32), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(reduced - lr).mean() < 10


def test_lanczos_and_bicubic_keep_a_plane() -> None:
    for method in interpolations(4):
        np.testing.assert_array_equal(method.enlarge(GRAY[:8, :8]), GRAY[:32, :32])


def test_a_model_stands_behind_its_pixel_stage(tmp_path: Path) -> None:
    file = model(tmp_path / "models" / "x2_mine.safetensors")
    file.with_suffix(".json").write_text('{"hours": 1}', encoding="utf-8")
    before = model(tmp_path / "pixel.safetensors")
    first, second = models_in(file.parent, {"x2_mine": before})
    assert (first.name, first.kind, first.scale) == ("x2_mine_pixel", "pixel stage", 2)
    assert (second.name, second.kind, second.training) == ("x2_mine", "model", {"hours": 1})
    assert second.enlarge(GRAY[:8, :8]).shape == (16, 16, 3)
    with pytest.raises(UserError, match=r"--pixel other=… names no model .* give one of these: x2_mine"):
        models_in(file.parent, {"other": before})


def record(**worst: float) -> dict[str, Any]:
    rows = [
        {"scale": 2, "degradation": "light", "method": method, "photograph": name, "draw": 0, **values}
        for method, values in {
            "bicubic": {"psnr_y": 28.0, "sharpness": 0.4, "flatness": 3.2, "colour": 0.0},
            "x2_mine_pixel": {"psnr_y": 30.0, "sharpness": 0.5, "flatness": 1.0, "colour": 0.001},
            "x2_mine": {"psnr_y": 29.0, "sharpness": 0.75, "flatness": 2.0, "colour": 0.002},
        }.items()
        for name in ("a", "b")
    ]
    rows[-1] |= worst
    kinds = {"bicubic": "interpolation", "x2_mine_pixel": "pixel stage", "x2_mine": "model"}
    return {
        "command": "python -m benchmarks.proof heldout",
        "machine": {
            "date": "2026-01-02T03:04:05Z", "commit": "abc", "cores": 2, "cpu": "a CPU", "seconds": 90,
            "versions": {"torch": "2.9"},
        },
        "left_out": [],
        "photographs": [{"name": "a", "width": 4, "height": 3}],
        "methods": [{"name": name, "scale": 2, "kind": kind, "about": "ours"} for name, kind in kinds.items()],
        "rows": rows,
    }  # fmt: skip


def test_tables_hold_means_the_worst_and_whether_the_limits_are_kept(tmp_path: Path) -> None:
    content = record(psnr_y=28.0, flatness=3.5)
    content["methods"][-1] |= {"digest": "abcd", "training": {"seconds": 5400, "processor": "a CPU"}}
    write(tmp_path / "a.json", content)
    section = heldout_section(read(tmp_path / "a.json"))
    assert "| `x2_mine` | 28.50 | 0.75 | 2.8 (3.5) | 0.0020 (0.0020) |" in section
    stages = "| `x2_mine` | `light` | 30.00 → 28.50 | 0.50 → 0.75 | "
    assert stages + "3.5 > 3: **missed** (bicubic 3.2) | 0.0020 ≤ 0.005: met |" in section
    assert "- `x2_mine`: ours (SHA-256 begins with `abcd`), trained for 1.5 hours on a CPU\n" in section
    assert "NIQE" not in section
    assert "**missed**" not in heldout_section(record())


@pytest.mark.parametrize("name", command.MEASUREMENTS)
def test_the_page_shows_what_the_record_says_and_nothing_without_one(name: str) -> None:
    section = command.section(ROOT / command.PAGE, name)
    file = command.record_in(ROOT / command.RECORDS, name)
    expected = command.MEASUREMENTS[name](read(file)) if file.is_file() else "Not measured yet."
    page = section.page.read_text(encoding="utf-8")
    assert section.within(page) == expected.strip(), "run python -m benchmarks.proof page"


@pytest.mark.run
@pytest.mark.slow
def test_quick_measures_everything_once(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(skimage.data.astronaut()).save(photos / "astronaut.png")
    Image.fromarray(skimage.data.astronaut()[::-1]).save(photos / "second.png")
    model(tmp_path / "models" / "x2_mine.safetensors")
    pixel = model(tmp_path / "pixel.safetensors")
    arguments = ["--models", str(tmp_path / "models"), "--pixel", f"x2_mine={pixel}", "--photos", str(photos)]
    assert command.main(["heldout", "--quick", *arguments, "-o", str(tmp_path / "out")]) == 0
    content = json.loads((tmp_path / "out" / "heldout.json").read_text(encoding="utf-8"))
    assert content["command"].endswith(f"--photos {photos}")
    assert [each["name"] for each in content["photographs"]] == ["astronaut"]
    names = {row["method"] for row in content["rows"]}
    assert {"bicubic", "lanczos", "x2_mine", "x2_mine_pixel", "realesr-animevideov3-x4"} <= names
    assert len(content["rows"]) == 3 * len(content["methods"])
    for row in content["rows"]:
        assert 5 < row["psnr_y"] < 60
    section = heldout_section(content)
    assert section in (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    for scale in (2, 4):
        with Image.open(tmp_path / "out" / f"heldout_x{scale}.jpg") as sheet:
            assert sheet.format == "JPEG"


def test_models_that_ship_stand_behind_the_pixel_stages_that_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = model(tmp_path / "pixel" / "x2_mine.safetensors")
    monkeypatch.setattr(command, "PIXEL", kept.parent)
    monkeypatch.setattr(command, "MODELS", tmp_path / "ours")
    options = argparse.Namespace(models=tmp_path / "ours", pixel=())
    assert command.pixel_stages(options) == {"x2_mine": kept}
    options.pixel = [("x2_mine", tmp_path / "other.ckpt")]
    assert command.pixel_stages(options) == {"x2_mine": tmp_path / "other.ckpt"}
    assert command.pixel_stages(argparse.Namespace(models=tmp_path, pixel=())) == {}


@pytest.mark.parametrize(("given", "quick"), [([], False), (["--quick", "-o", "out"], True)])
def test_without_a_command_everything_is_measured(
    given: list[str], quick: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for name in ("heldout", "equal_time"):
        monkeypatch.setattr(command, name, lambda options, name=name: seen.append((name, options)))
    assert command.main(given) == 0
    assert [name for name, _ in seen] == ["heldout", "equal_time"]
    for _, options in seen:
        assert (options.quick, options.output) == (quick, Path("out") if quick else None)


def test_a_folder_that_is_not_there_is_named_with_the_way_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no folder: make photos fetches Debian's"):
        command.main(["heldout", "--photos", str(tmp_path / "none")])


def test_a_pixel_stage_without_a_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["heldout", "--pixel", "file.ckpt"])
    assert "is not NAME=FILE" in capsys.readouterr().err
