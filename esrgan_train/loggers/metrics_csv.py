"""metrics.csv: one row a reading of logged values; column ``step`` counts iterations."""

from __future__ import annotations

import csv
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from esrgan_train.bounds import bounded
from esrgan_train.files import replacing, reporting_failure

FILE_NAME = "metrics.csv"
Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """The rows of a metrics file, oldest first, values as written; empty if the file does not exist.

    A last line without an end, left by a process that was killed while writing it, is left out.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines = file.readlines()
    return list(csv.DictReader(line for line in lines if line.endswith("\n")))


def trim_rows(path: Path, last_step: int) -> None:
    """Drop the rows past ``last_step``: a run that is resumed there writes them again."""
    rows = read_rows(path)
    kept = [row for row in rows if int(row["step"]) <= last_step]
    if len(kept) < len(rows):
        write_rows(path, kept)


def write_rows(path: Path, rows: list[Row]) -> None:
    """Replace the file by ``rows``; the columns are all their keys, in order of appearance."""
    with replacing(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


class MetricsCSV(Logger):
    """Appends to ``<run_dir>/metrics.csv``, also in a resumed run.

    Lightning's own CSV logger deletes the file of a run that is resumed in the same folder. The file is rewritten
    only when a new column appears.
    """

    name, version = "csv", ""

    @bounded
    def __init__(self, *, run_dir: str) -> None:
        super().__init__()
        self.path = Path(run_dir) / FILE_NAME
        self._columns: list[str] | None = None

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one row; if that fails, report it and leave the file as it was."""
        row = {"step": str(step), **{name: f"{value:.7g}" for name, value in metrics.items()}}
        with reporting_failure(str(self.path)):
            self._append(row)

    def _append(self, row: Row) -> None:
        if self._columns is None or not set(row) <= set(self._columns):
            rows = [*read_rows(self.path), row]
            write_rows(self.path, rows)
            self._columns = list(dict.fromkeys(key for each in rows for key in each))
            return
        size = self.path.stat().st_size
        try:
            with self.path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns).writerow(row)
        except OSError:
            os.truncate(self.path, size)  # a full disk may have taken half of the line
            raise

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml holds them."""
