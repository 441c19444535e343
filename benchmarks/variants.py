"""Size and speed of the compact variants: ``python -m benchmarks.variants``."""

from __future__ import annotations

import argparse
import statistics
import sys

import numpy as np
import rich
import torch
from rich.table import Table

from benchmarks.timing import interleaved
from esrgan_train.build import build_generator
from esrgan_train.cli import DONE, run_command
from esrgan_train.config import compose_config
from esrgan_train.inference.upscaler import Upscaler, inference_precision

EXPERIMENTS = ("x4_superultracompact", "x4_ultracompact", "x4_prelu", "x4_general")
WIDTH, HEIGHT, REPEATS = 480, 360, 5


def main() -> int:
    """Upscale one picture ×4 with each variant, in turns, and print the medians; the exit status."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.variants",
        description=f"Time each variant of the network on one picture of {WIDTH} × {HEIGHT} pixels, ×4.",
    ).parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    networks = {name: build_generator(compose_config([f"experiment={name}"])).eval() for name in EXPERIMENTS}
    precision = inference_precision("auto", device, networks["x4_prelu"])
    upscalers = [Upscaler(each, device=device, precision=precision, tile=None) for each in networks.values()]
    runs = {name: lambda upscale=each: upscale(picture) for name, each in zip(networks, upscalers, strict=True)}
    medians = {name: statistics.median(each) for name, each in interleaved(runs, rounds=REPEATS).items()}
    table = Table(title=f"{WIDTH} × {HEIGHT} pixels ×4 on {device}, precision {precision}, median of {REPEATS}")
    for heading in ("experiment", "parameters", "seconds", "of x4_prelu"):
        table.add_column(heading, justify="left" if heading == "experiment" else "right")
    for name, median in medians.items():
        parameters = sum(p.numel() for p in networks[name].parameters())
        table.add_row(name, f"{parameters:,}", f"{median:.2f}", f"{median / medians['x4_prelu']:.2f}")
    rich.print(table)
    return DONE


if __name__ == "__main__":
    sys.exit(run_command(main))
