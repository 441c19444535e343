"""Size and speed of the compact variants: ``python -m benchmarks.variants``."""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.cli import DONE, run_command
from esrgan_train.inference.upscaler import Upscaler, inference_precision

# experiment: (num_feat, num_conv)
VARIANTS = {
    "x4_superultracompact": (24, 8),
    "x4_ultracompact": (64, 8),
    "x4_prelu": (64, 16),
    "x4_general": (64, 32),
}
WIDTH, HEIGHT, REPEATS = 480, 360, 5


def main() -> int:
    """Upscale one 480 × 360 picture ×4 with each variant, in turns, and print the medians; the exit status."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.variants",
        description=f"Time each variant of the network on one picture of {WIDTH} × {HEIGHT} pixels, ×4.",
    ).parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    networks = {name: SRVGGNetCompact(num_feat=f, num_conv=c).eval() for name, (f, c) in VARIANTS.items()}
    precision = inference_precision("auto", device, networks["x4_prelu"])
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    ready = {
        name: Upscaler(network, device=device, precision=precision, tile=None)
        for name, network in networks.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in ready}
    for repeat in range(REPEATS + 1):  # the first one warms up
        for name, upscale in ready.items():
            started = time.perf_counter()
            upscale(picture)
            if repeat:
                seconds[name].append(time.perf_counter() - started)
    table = Table(title=f"{WIDTH} × {HEIGHT} pixels ×4 on {device}, precision {precision}, median of {REPEATS}")
    for heading in ("experiment", "parameters", "seconds", "of x4_prelu"):
        table.add_column(heading, justify="left" if heading == "experiment" else "right")
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        table.add_row(name, f"{sizes[name]:,}", f"{median:.2f}", f"{median / medians['x4_prelu']:.2f}")
    Console().print(table)
    return DONE


if __name__ == "__main__":
    sys.exit(run_command(main))
