"""``python -m benchmarks.exchange``: gradients in one block or in buckets beside the backward pass."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from benchmarks.exchange.measure import STAGES, measure
from benchmarks.exchange.measured import Measured, section_of, write
from benchmarks.machine import describe_machine
from benchmarks.page import Section
from benchmarks.results import FOLDER
from benchmarks.sizes import FULL
from esrgan_train.arguments import number
from esrgan_train.bounds import Count
from esrgan_train.cli import DONE, run_command

log = logging.getLogger(__name__)

FILE = FOLDER / "exchange.json"
SECTION = Section(Path("docs/scaling.md"), "python -m benchmarks.exchange")  # shows what FILE holds
QUICK_FILE = Path("runs/exchange-quick.json")

# The least for each process, where the exchange weighs most.
SIZES = replace(FULL, gt_size=64, gan_batch=1, pixel_batch=1, rounds=15)
QUICK = replace(SIZES, gt_size=32, num_conv=8, discriminator_feat=16, rounds=2)

Several = Annotated[int, Ge(2)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything, write the file, and the page where it is that file that it shows; the exit status."""
    options = _parser().parse_args(arguments)
    sizes = QUICK if options.quick else replace(SIZES, rounds=options.rounds)
    processes = options.processes or ([2] if options.quick else [2, 4])
    file = options.output or (QUICK_FILE if options.quick else FILE)
    machine, turns = describe_machine(), []
    for count in processes:
        for stage in STAGES:
            turns.append(measure(count, stage, sizes))
            log.info("%s", turns[-1])
    measured = Measured(machine, sizes.gt_size, turns)
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, measured)
    print(section_of(measured))
    if file == FILE:
        SECTION.write(section_of(measured))
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.exchange",
        description="Iterations in gloo processes of this machine, in turns: gradients averaged in one block "
        "after the backward pass, as training does, and in buckets while it goes on.",
    )
    add = parser.add_argument
    add("--processes", type=number(Several), nargs="+", metavar="N", help="how many (default: 2 4)")
    add("--rounds", type=number(Count), default=SIZES.rounds, metavar="N", help=f"default: {SIZES.rounds}")
    add("--quick", action="store_true", help="small networks, two processes, two rounds: to see that it works")
    add("-o", "--output", type=Path, metavar="FILE", help=f"of the results (default: {FILE})")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
