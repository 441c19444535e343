from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from esrgan_train.loggers.metrics_csv import write_rows
from esrgan_train.report.charts import charts_of
from esrgan_train.report.folder import RunFolder, read_folders
from tests.report.folders import make_run


def runs_with(tmp_path: Path, *all_rows: list[dict[str, str]]) -> list[RunFolder]:
    folders = [make_run(tmp_path / f"run{number}") for number in range(len(all_rows))]
    for folder, rows in zip(folders, all_rows, strict=True):
        write_rows(folder / "metrics.csv", rows)
    return read_folders(folders)


def test_a_chart_holds_the_readings(tmp_path: Path) -> None:
    charts = {chart["title"]: chart for chart in charts_of(read_folders([make_run(tmp_path / "run")]))}
    psnr = charts["PSNR on held-out photos (dB)"]
    assert [(curve["label"], curve["x"], curve["y"]) for curve in psnr["curves"]] == [
        ("val/psnr", [0, 4, 8], [20, 24, 28]),
        ("val/psnr_bicubic", [0, 4, 8], [21, 21, 21]),
    ]
    assert psnr["switches"] == [{"x": 4, "text": "GAN stage"}]
    line = {"label": "val/psnr", "first": "20 at 0", "last": "28 at 8", "lowest": "20 at 0", "highest": "28 at 8"}
    assert psnr["table"][0] == line
    assert charts["generator losses, without weights"]["log"]
    assert not psnr["log"]


def test_values_that_are_not_finite_leave_a_gap(tmp_path: Path) -> None:
    rows = [{"step": str(n), "val/psnr": value} for n, value in enumerate(["1", "nan", "inf", "2"])]
    ((chart,),) = (charts_of(runs_with(tmp_path, rows)),)
    assert chart["curves"][0]["y"] == [1, None, None, 2]
    assert chart["table"][0]["highest"] == "2 at 3"


def test_a_curve_without_a_finite_value_says_so(tmp_path: Path) -> None:
    (chart,) = charts_of(runs_with(tmp_path, [{"step": "1", "val/psnr": "nan"}]))
    assert chart["table"][0]["last"] == "not finite"


def test_long_curves_are_thinned_to_means(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random(5000)
    rows = [{"step": str(n), "val/psnr": str(value)} for n, value in enumerate(values)]
    (curve,) = charts_of(runs_with(tmp_path, rows))[0]["curves"]
    assert curve["means"] == "each point is the mean of about 5 readings"
    assert curve["y"] == pytest.approx(values.reshape(1000, 5).mean(1), rel=1e-5)
    assert curve["x"] == pytest.approx(np.arange(5000).reshape(1000, 5).mean(1))


def test_warnings_that_lasted_are_marked(tmp_path: Path) -> None:
    high = [
        {"step": str(n), "train/colour_shift": "0.5" if 100 <= n <= 400 else "0.01"} for n in range(0, 600, 50)
    ]
    (chart,) = charts_of(runs_with(tmp_path, high))
    assert chart["bands"] == [{"from": 100, "to": 400, "text": "warning: colour drifts"}]


def test_several_runs_share_charts_and_differ_in_colour(tmp_path: Path) -> None:
    rows = [{"step": "8", "val/psnr": "1", "val/psnr_bicubic": "2"}]
    (chart,) = charts_of(runs_with(tmp_path, rows, rows))
    assert [(curve["label"], curve["hue"], curve["dash"]) for curve in chart["curves"]] == [
        ("val/psnr, run0", 0, 0),
        ("val/psnr_bicubic, run0", 0, 1),
        ("val/psnr, run1", 1, 0),
        ("val/psnr_bicubic, run1", 1, 1),
    ]
    assert chart["switches"] == [{"x": 4, "text": "GAN stage"}]


def test_runs_without_the_callbacks_of_warnings_have_none(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", overrides=("callbacks.health=null",))
    assert all(chart["bands"] == [] for chart in charts_of(read_folders([folder])))
