"""The page of runs: ``python -m esrgan_train.report RUN... [-o FILE] [--serve [--port N]]``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.arguments import number
from esrgan_train.bounds import WholeNumber
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import program
from esrgan_train.compare.runs import find_runs
from esrgan_train.config import register
from esrgan_train.report.folder import read_folders
from esrgan_train.report.page import PAGE, write_page
from esrgan_train.report.server import serve

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or show it until Ctrl-C."""
    options = _parser().parse_args(arguments)
    register()
    folders = find_runs(options.runs)
    if options.serve:
        serve(options.runs, options.port)
        return DONE
    path = options.output or (folders[0] if len(folders) == 1 else Path("comparison")) / PAGE
    write_page(path, read_folders(folders))
    log.info("%s", path)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program("esrgan_train.report"), description="Show runs in one page.")
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="run folders, or folders that hold them")
    where = f"default: {PAGE} in the run folder; of several runs, comparison/{PAGE}"
    add("--serve", action="store_true", help="show them on this machine alone, following what they write")
    add("--port", type=number(WholeNumber), default=0, metavar="N", help="of --serve; default: a free one")
    add("-o", "--output", type=Path, metavar="FILE", help=where)
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
