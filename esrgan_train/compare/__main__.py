"""Comparing runs: ``python -m esrgan_train.compare RUN... [-o OUT]``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.arguments import number
from esrgan_train.bounds import Count, WholeNumber
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import program
from esrgan_train.compare.chart import draw_curves
from esrgan_train.compare.crops import draw_crops, held_out_of
from esrgan_train.compare.runs import find_runs, read_runs
from esrgan_train.compare.study import read_study
from esrgan_train.compare.table import print_table, records_of, write_csv
from esrgan_train.config import register
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.images.encode import write_image

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write comparison.csv, curves.png and crops.png, and for searches search_<folder>.png."""
    options = _parser().parse_args(arguments)
    register()
    runs = read_runs(find_runs(options.runs))
    records = records_of(runs)
    print_table(records)
    out: Path = options.output
    write_csv(out / "comparison.csv", records)
    with replacing(out / "curves.png") as unfinished:
        draw_curves(runs).savefig(unfinished, dpi=100)
    written = ["comparison.csv", "curves.png"]
    photos = held_out_of(runs, options.photos, crop=options.crop)
    if any(photos):
        write_image(out / "crops.png", draw_crops(runs, photos))
        written.append("crops.png")
    else:
        log.warning("no run's held-out photos are here, so there is no crops.png")
    written += [name for folder in options.runs if (name := _draw_study(folder, options.storage, out))]
    for file in written:
        log.info("%s", out / file)
    return DONE


def _draw_study(folder: Path, storage: str | None, out: Path) -> str | None:
    """Draw the study of a search; the file's name, None if the folder is of none, or it cannot be read."""
    try:
        study = read_study(folder, storage)
    except UserError as error:
        log.warning("%s has no picture of its study: %s", folder, error)
        return None
    if study is None or not study.space:
        return None
    from esrgan_train.compare.study_chart import draw_study  # most runs are of no search

    name = f"search_{folder.resolve().name}.png"
    with replacing(out / name) as unfinished:
        draw_study(study).savefig(unfinished, dpi=100)
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program("esrgan_train.compare"), description="Compare runs.")
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="run folders, or folders that hold them")
    add("-o", "--output", type=Path, default=Path("comparison"), metavar="OUT", help="default: comparison/")
    add("--storage", metavar="URL", help="the database of a search's study, if one keeps it")
    add("--photos", type=number(WholeNumber), default=3, metavar="N", help="held-out photos to show; default: 3")
    add("--crop", type=number(Count), default=192, metavar="N", help="HR pixels a side of crops; default: 192")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
