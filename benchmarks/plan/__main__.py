"""``python -m benchmarks.plan``: what a recipe costs, on which GPUs, and what runs short first.

Predictions from counted costs, peak rates and stated assumptions; only the loader's time and the check at the end
are measured, by ``python -m benchmarks`` and, on a GPU, by ``python -m esrgan_train.gpu_check``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import rich
from annotated_types import Gt
from rich.console import Console

from benchmarks.costs import Cost, iteration_costs
from benchmarks.gpu.report import FOLDER as KIT_FOLDER
from benchmarks.plan.check import checks
from benchmarks.plan.loading import Loading, ways
from benchmarks.plan.measured import lines as kit_lines
from benchmarks.plan.measured import read_kit
from benchmarks.plan.predict import COMPUTE_EFFICIENCY, MEMORY_EFFICIENCY
from benchmarks.plan.recipe import VARIANTS, Recipe, published
from benchmarks.plan.tables import costs_table, recipe_table
from benchmarks.rendering import rendering_cost
from benchmarks.results import FOLDER, newest, read
from esrgan_train.bounds import Count, check_value
from esrgan_train.cli import run_command
from esrgan_train.commands import command

MIN_WIDTH = 190  # columns of the wide table
CORES_PER_GPU = 12.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; the exit status."""
    options = _parser().parse_args(arguments)
    for count in options.gpus or ():
        check_value("--gpus", count, Count)
    check_value("--cores-per-gpu", options.cores_per_gpu, Annotated[float, Gt(0)])
    sizes = {"data.gt_size": options.gt_size, "data.batch_size": options.batch_size}
    size_overrides = [f"{key}={value}" for key, value in sizes.items() if value is not None]
    recipe = published([*options.overrides, *size_overrides])
    file = options.results or newest(FOLDER)
    results = None if file is None else read(file)
    loading = ways(results, rendering_cost(gt_size=recipe.gt_size, upscale=recipe.upscale))

    console = rich.get_console()
    console.print(costs_table(_network_costs(recipe, variants=not options.overrides), gt_size=recipe.gt_size))
    table = recipe_table(
        recipe, counts=options.gpus, ways=loading, cores_per_gpu=options.cores_per_gpu, names=options.gpu
    )
    Console(width=max(console.width, MIN_WIDTH)).print(table)
    lines = [_assumptions(recipe, loading, cores_per_gpu=options.cores_per_gpu, file=file)]
    lines += [f"check: {check}" for check in (() if results is None else checks(results))]
    measured = options.measured or newest(KIT_FOLDER)
    lines += [f"check: {line}" for line in (() if measured is None else kit_lines(read_kit(measured), loading))]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
    return 0


def _assumptions(recipe: Recipe, loading: Sequence[Loading], *, cores_per_gpu: float, file: Path | None) -> str:
    assumed = [way.name for way in loading if not way.measured]
    found = "" if len(assumed) == len(loading) else f"; loading measured in {file}"
    if assumed:
        found += f"; loading is assumed too ({', '.join(assumed)}): run {command('benchmarks')}"
    rendering = next(way.rendering for way in loading if way.rendering is not None)
    return (
        f"assumed (docs/scaling.md): {COMPUTE_EFFICIENCY:.0%} of peak products, {MEMORY_EFFICIENCY:.0%} of memory "
        f"bandwidth, {cores_per_gpu:g} cores and {recipe.batch_size} samples per GPU{found}\n"
        f"device: to render a sample, a GPU moves {rendering.bytes / 1e6:,.0f} MB and multiplies "
        f"{rendering.flops / 1e9:.1f} GFLOP in float32, and a batch starts {rendering.kernels:,} kernels: "
        "counted, not measured"
    )


def _network_costs(recipe: Recipe, *, variants: bool) -> list[tuple[str, Cost]]:
    costs = recipe.costs("gan" if "gan" in recipe.iterations else "pixel")
    others = {
        name: iteration_costs((f"experiment={name}", *recipe.overrides), gt_size=recipe.gt_size, stage="pixel")[
            "generator"
        ]
        for name in VARIANTS
        if variants and name != recipe.name
    }
    names = {"generator": recipe.name, "perceptual": "VGG19"}
    first, *rest = [(names.get(name, name), cost) for name, cost in costs.items()]
    return [first, *others.items(), *rest]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.plan",
        usage="%(prog)s [key=value ...] [options]",
        description="Predict what the published recipe, or another, costs on GPUs.",
        epilog="Example: python -m benchmarks.plan recipe=overnight generator=rrdb --gpus 1 4",
    )
    add = parser.add_argument
    add("overrides", nargs="*", metavar="key=value", help="as in training: recipe=overnight, experiment=x2_prelu")
    recipe = published()
    add("--gt-size", type=int, metavar="N", help=f"HR crop in pixels (default: {recipe.gt_size})")
    words = "samples per GPU and iteration"
    add("--batch-size", type=int, metavar="N", help=f"{words} (default: {recipe.batch_size})")
    add("--gpus", type=int, nargs="+", metavar="N", help="how many (default: a few usual numbers)")
    add("--gpu", nargs="+", default=(), metavar="NAME", help="only these, such as 'RTX 4090' (default: all)")
    words = f"cores that load for each GPU (default: {CORES_PER_GPU:g})"
    add("--cores-per-gpu", type=float, default=CORES_PER_GPU, metavar="N", help=words)
    add("--results", type=Path, metavar="FILE", help=f"of the benchmark (default: the newest in {FOLDER})")
    add("--measured", type=Path, metavar="FILE", help=f"of the kit for GPUs (default: the newest in {KIT_FOLDER})")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
