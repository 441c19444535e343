from __future__ import annotations

import csv
from pathlib import Path

from esrgan_train.loggers.metrics_csv import MetricsCSV, read_rows, trim_rows


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_keep_their_step_when_columns_are_added(tmp_path: Path) -> None:
    logger = MetricsCSV(run_dir=str(tmp_path))
    logger.log_metrics({"train/pixel": 0.25}, step=10)
    logger.log_metrics({"train/pixel": 0.125}, step=20)
    logger.log_metrics({"val/psnr": 24.5}, step=20)
    rows = rows_of(tmp_path / "metrics.csv")
    assert [row["step"] for row in rows] == ["10", "20", "20"]
    assert [row["train/pixel"] for row in rows] == ["0.25", "0.125", ""]
    assert [row["val/psnr"] for row in rows] == ["", "", "24.5"]


def test_values_keep_seven_digits(tmp_path: Path) -> None:
    MetricsCSV(run_dir=str(tmp_path)).log_metrics({"train/lr": 1e-4, "val/ssim": 0.12345678}, step=1)
    row = rows_of(tmp_path / "metrics.csv")[0]
    assert float(row["train/lr"]) == 1e-4
    assert abs(float(row["val/ssim"]) - 0.12345678) < 1e-7


def test_a_resumed_run_appends_to_the_same_file(tmp_path: Path) -> None:
    first = MetricsCSV(run_dir=str(tmp_path))
    for step in (10, 20, 30):
        first.log_metrics({"train/pixel": step / 100}, step=step)
    trim_rows(tmp_path / "metrics.csv", last_step=20)
    MetricsCSV(run_dir=str(tmp_path)).log_metrics({"train/pixel": 0.5}, step=30)
    rows = rows_of(tmp_path / "metrics.csv")
    assert [(row["step"], row["train/pixel"]) for row in rows] == [("10", "0.1"), ("20", "0.2"), ("30", "0.5")]


def test_a_missing_file_has_no_rows_and_trimming_makes_none(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "metrics.csv") == []
    trim_rows(tmp_path / "metrics.csv", last_step=5)
    assert list(tmp_path.iterdir()) == []
