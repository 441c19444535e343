"""The scores of many pictures, of which only sums, a table on the disk and the lowest are kept."""

from __future__ import annotations

import csv
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType

from rich.console import Console
from rich.table import Table

from esrgan_train.evaluate.scores import Scored
from esrgan_train.files import replacing
from esrgan_train.images.encode import write_image
from esrgan_train.images.sheet import labelled_sheet

log = logging.getLogger(__name__)

_WORST = 4  # rows of the contact sheet


class Tally:
    """Takes scores one by one; ``report`` prints the means and writes ``scores.csv`` and ``worst.png``.

    Args:
        measures: their names.
        columns: what names a picture in the table.
        baseline: whether bicubic was scored too.
    """

    def __init__(self, measures: Sequence[str], columns: Sequence[str], *, baseline: bool) -> None:
        self.measures, self.count = measures, 0
        self.rows = {"result": "", **({"bicubic": "bicubic_"} if baseline else {})}
        names = [prefix + name for prefix in self.rows.values() for name in measures]
        self.sums = dict.fromkeys(names, 0.0)
        self.worst: list[Scored] = []
        self._file = TemporaryFile("w+", newline="", encoding="utf-8")  # noqa: SIM115 — closed in __exit__; it leaves nothing of a failure
        self._writer = csv.DictWriter(self._file, [*columns, *names])
        self._writer.writeheader()

    def __enter__(self) -> Tally:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, one: Scored) -> None:
        """Count a picture in."""
        self.count += 1
        for name, value in one.values.items():
            self.sums[name] += value
        self._writer.writerow({**one.place, **one.values})
        self.worst = sorted([*self.worst, one], key=lambda each: each.values["psnr_y"])[:_WORST]

    def report(self, folder: Path, what: str) -> None:
        """Print and write; ``what`` was scored, in the plural."""
        table = Table("", *self.measures)
        for label, prefix in self.rows.items():
            means = [self.sums[prefix + name] / self.count for name in self.measures]
            table.add_row(label, *(f"{mean:.4f}" for mean in means))
        Console().print(table)
        self._file.seek(0)
        with replacing(folder / "scores.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
            shutil.copyfileobj(self._file, file)
        sheet = [list(zip(_labels(one), one.crops, strict=True)) for one in self.worst]
        write_image(folder / "worst.png", labelled_sheet(sheet, title="The lowest PSNR-Y"))
        log.info("%d %s: %s and %s", self.count, what, folder / "scores.csv", folder / "worst.png")


def _labels(one: Scored) -> tuple[str, ...]:
    sr = f"SR {one.values['psnr_y']:.2f} dB"
    if "bicubic_psnr_y" not in one.values:
        return f"{one.name} {sr}", "HR"
    return f"{one.name} LR", f"bicubic {one.values['bicubic_psnr_y']:.2f} dB", sr, "HR"
