"""What the branches of ``generator=repsr`` cost while it trains: ``python -m benchmarks.branches``."""

from __future__ import annotations

import argparse
import sys
import time

import rich
from rich.table import Table

from benchmarks.ours import BareStep, make_module, random_batch
from benchmarks.timing import interleaved, spread
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.arguments import number
from esrgan_train.bounds import Count
from esrgan_train.cli import DONE, run_command

GENERATORS = ("srvgg", "repsr")
PIXEL_STAGE = ("recipe=published", "trainer.max_steps=1000", "loss.adversarial.start_step=1000")


def main() -> int:
    """Time iterations of the pixel stage, where the generator is nearly all, in turns; the exit status.

    Processor time, of all threads: what other programs do at the time spoils it less.
    """
    options = _parser().parse_args()
    keep_freed_memory()
    batch = random_batch(batch_size=options.batch_size, gt_size=options.gt_size, upscale=4)
    size = (f"generator.num_feat={options.num_feat}", f"generator.num_conv={options.num_conv}")
    common = (*PIXEL_STAGE, *size, "loss.perceptual.weight=0", f"trainer.precision={options.precision}")
    steps = {name: BareStep(make_module([*common, f"generator={name}"])) for name in GENERATORS}
    runs = {name: lambda step=each: step.step(batch) for name, each in steps.items()}
    times = interleaved(runs, rounds=options.rounds, clock=time.process_time)
    seconds = {name: spread(each) for name, each in times.items()}
    title = f"×4, GT {options.gt_size}, batch {options.batch_size}, precision {options.precision}, pixel stage"
    table = Table(title=f"{title}, processor time of {options.rounds} rounds")
    for heading in ("generator", "min ms", "median ms", "max ms", "min, of srvgg"):
        table.add_column(heading, justify="left" if heading == "generator" else "right")
    for name, each in seconds.items():
        ratio = each.min / seconds["srvgg"].min
        table.add_row(name, *(f"{1000 * value:.0f}" for value in each), f"{ratio:.3f}")
    rich.print(table)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.branches",
        description="Time training iterations of the compact network with and without branches, on the CPU.",
    )
    for name, default in (("num-feat", 64), ("num-conv", 16), ("gt-size", 128), ("batch-size", 8), ("rounds", 9)):
        parser.add_argument(
            f"--{name}", type=number(Count), default=default, metavar="N", help=f"default: {default}"
        )
    parser.add_argument("--precision", choices=("32", "bf16"), default="32", help="default: 32")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
