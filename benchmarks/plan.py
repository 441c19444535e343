"""``python -m benchmarks.plan``: what the published recipe costs, on which GPUs, and what runs short first.

Predictions from the networks' shapes, peak rates and stated assumptions; only the loader's time and the check
at the end are measured, by ``python -m benchmarks``. No GPU has confirmed them.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import rich
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from benchmarks.costs import (
    DISCRIMINATOR_SHARED,
    GENERATOR,
    VGG,
    IterationCost,
    Passes,
    Shapes,
    discriminator_shapes,
    generator_shapes,
    gradient_bytes,
    iteration_costs,
    vgg_shapes,
)
from benchmarks.floor import takes_taps_first
from benchmarks.gpus import GPUS, Gpu
from benchmarks.results import FOLDER
from esrgan_train.cli import run_command
from esrgan_train.commands import command
from esrgan_train.config import config_dir
from esrgan_train.errors import UserError

BF16_BYTES = 2
MIN_WIDTH = 140  # columns of the wide table
GPUS_PER_NODE = 8

# Assumptions, each stated in docs/scaling.md.
COMPUTE_EFFICIENCY = 0.25  # of the peak rate: convolutions of 64 channels fill no tensor core
MEMORY_EFFICIENCY = 0.7  # of the peak bandwidth
LINK_BYTES_PER_SECOND = {"node": 20e9, "cluster": 10e9}  # reached by one flat reduction of a few MB
CORES_PER_GPU = 12
DEFAULT_SAMPLE_MS = 100.0  # without a results file


class Recipe(NamedTuple):
    """What the configuration says of the published recipe."""

    gt_size: int
    batch_size: int  # per GPU
    iterations: dict[str, int]  # by stage


def published_recipe() -> Recipe:
    """As ``recipe=published`` has it."""
    said = OmegaConf.load(config_dir() / "recipe" / "published.yaml")
    assert isinstance(said, DictConfig)
    return Recipe(
        said.gt_size, said.batch_size, {"pixel": said.start_step, "gan": said.max_steps - said.start_step}
    )


class Variant(NamedTuple):
    """A generator of the README."""

    name: str
    num_feat: int
    num_conv: int
    upscale: int = 4

    def shapes(self, gt_size: int) -> Shapes:
        """Its convolutions on the LR crop."""
        return generator_shapes(
            lr_side=gt_size // self.upscale, num_feat=self.num_feat, num_conv=self.num_conv, upscale=self.upscale
        )


VARIANTS = (
    Variant("x4_prelu", 64, 16),
    Variant("x2_prelu", 64, 16, 2),
    Variant("x4_general", 64, 32),
    Variant("x4_ultracompact", 64, 8),
    Variant("x4_superultracompact", 24, 8),
)


class Prediction(NamedTuple):
    """One stage on some GPUs. Seconds are those of one iteration."""

    batch: int  # per GPU
    iterations: int
    compute: float
    memory: float
    exchange: float
    loading: float  # that the given cores take for this GPU's samples

    @property
    def seconds(self) -> float:
        """Loading runs beside everything else, which runs one after the other."""
        return max(self.compute + self.memory + self.exchange, self.loading)

    @property
    def per_second(self) -> float:
        """Iterations per second."""
        return 1 / self.seconds

    @property
    def loader_cores(self) -> float:
        """Cores per GPU with which loading would not hold it back, in units of the given ones."""
        return self.loading / (self.compute + self.memory + self.exchange)

    @property
    def saturated(self) -> str:
        """What the iteration waits for most."""
        busy = {"compute": self.compute, "memory": self.memory, "gradients": self.exchange, "loader": 0.0}
        if self.loading > self.compute + self.memory + self.exchange:
            busy["loader"] = self.loading
        return max(busy, key=lambda name: busy[name])


def predict(
    costs: Iterable[IterationCost],
    gpu: Gpu,
    *,
    gpus: int,
    batch: int,
    iterations: int,
    generator_parameters: int,
    discriminator_parameters: int,
    sample_seconds: float,
    cores_per_gpu: float,
) -> Prediction:
    """A stage of ``iterations`` on ``gpus`` GPUs.

    Args:
        costs: of one sample, by network.
        gpu: its peak rates.
        gpus: how many.
        batch: samples per GPU and iteration, as ``data.batch_size``.
        iterations: of the stage.
        generator_parameters: whose gradients are exchanged.
        discriminator_parameters: likewise; 0 in the pixel stage.
        sample_seconds: one core's time for one training sample.
        cores_per_gpu: cores that load for each GPU.
    """
    costs = list(costs)
    sent = gradient_bytes(
        generator_parameters=generator_parameters,
        discriminator_parameters=discriminator_parameters,
        processes=gpus,
    )
    link = LINK_BYTES_PER_SECOND["node" if gpus <= GPUS_PER_NODE else "cluster"]
    return Prediction(
        batch=batch,
        iterations=iterations,
        compute=batch * sum(cost.flops for cost in costs) / (gpu.flops * COMPUTE_EFFICIENCY),
        memory=batch * sum(cost.bytes for cost in costs) / (gpu.bytes * MEMORY_EFFICIENCY),
        exchange=sent / link,
        loading=batch * sample_seconds / cores_per_gpu,
    )


def predict_recipe(
    variant: Variant,
    gpu: Gpu,
    *,
    gpus: int,
    batch: int,
    gt_size: int,
    sample_seconds: float,
    cores_per_gpu: float,
) -> dict[str, Prediction]:
    """Both stages of the published recipe."""
    stages = {}
    for stage, iterations in published_recipe().iterations.items():
        gan = stage == "gan"
        costs = iteration_costs(
            gt_size=gt_size,
            upscale=variant.upscale,
            num_feat=variant.num_feat,
            num_conv=variant.num_conv,
            gan=gan,
            perceptual=gan,
            shared_fake_forward=True,
            size=BF16_BYTES,
        )
        stages[stage] = predict(
            costs.values(),
            gpu,
            gpus=gpus,
            batch=batch,
            iterations=iterations,
            generator_parameters=sum(shape.weights for shape in variant.shapes(gt_size)),
            discriminator_parameters=(
                sum(shape.weights for shape in discriminator_shapes(side=gt_size, num_feat=64)) if gan else 0
            ),
            sample_seconds=sample_seconds,
            cores_per_gpu=cores_per_gpu,
        )
    return stages


def gpu_hours(stages: Iterable[Prediction], gpus: int) -> float:
    """GPUs times hours of all stages."""
    return gpus * sum(stage.iterations * stage.seconds for stage in stages) / 3600


def days(stages: Iterable[Prediction]) -> float:
    """From the beginning to the end of all stages."""
    return gpu_hours(stages, 1) / 24


def costs_table(gt_size: int) -> Table:
    """Operations and bytes per sample and iteration, for each network and variant."""
    table = Table(title=f"per sample and iteration, GT {gt_size}")
    table.add_column("network")
    for name in ("conv weights", "GFLOP forward", "passes", "GFLOP", "MB moved, bf16"):
        table.add_column(name, justify="right")
    parts: list[tuple[str, Passes, Shapes]] = [(v.name, GENERATOR, v.shapes(gt_size)) for v in VARIANTS]
    parts.append(("discriminator", DISCRIMINATOR_SHARED, discriminator_shapes(side=gt_size, num_feat=64)))
    parts.append(("VGG19", VGG, vgg_shapes(side=gt_size)))
    for name, passes, shapes in parts:
        table.add_row(
            name,
            f"{sum(shape.weights for shape in shapes):,}",
            f"{sum(shape.flops for shape in shapes) / 1e9:.2f}",
            str(passes.forward_equivalents),
            f"{passes.flops(shapes) / 1e9:.1f}",
            f"{passes.bytes(shapes, size=BF16_BYTES) / 1e6:.0f}",
        )
    return table


def recipe_table(
    variant: Variant,
    *,
    gt_size: int,
    batch: int,
    counts: Sequence[int] | None,
    sample_ms: float,
    cores_per_gpu: float,
) -> Table:
    """The published recipe on each GPU, in its usual ``counts`` or the given ones; days on the clock."""
    table = Table(
        title=f"the published recipe for {variant.name}, predicted; loading {sample_ms:.0f} ms per sample"
    )
    table.add_column("GPUs")
    for name in ("samples", "pixel it/s", "GAN it/s", "GPU-hours", "days", "never waiting for data"):
        table.add_column(name, justify="right")
    table.add_column("cores per GPU to feed it, pixel / GAN", justify="right")
    table.add_column("short first, pixel / GAN")
    for gpu in GPUS:
        for gpus in counts or gpu.counts:
            stages, free = (
                predict_recipe(
                    variant,
                    gpu,
                    gpus=gpus,
                    batch=batch,
                    gt_size=gt_size,
                    sample_seconds=sample_ms / 1000,
                    cores_per_gpu=cores,
                )
                for cores in (cores_per_gpu, float("inf"))
            )
            pixel, gan = stages["pixel"], stages["gan"]
            table.add_row(
                f"{gpus} × {gpu.name}",
                str(pixel.batch * gpus),
                f"{pixel.per_second:.1f}",
                f"{gan.per_second:.1f}",
                f"{gpu_hours(stages.values(), gpus):,.0f}",
                f"{days(stages.values()):.1f}",
                f"{days(free.values()):.1f}",
                " / ".join(f"{stage.loader_cores * cores_per_gpu:.0f}" for stage in (pixel, gan)),
                f"{pixel.saturated} / {gan.saturated}",
            )
    return table


class Measured(NamedTuple):
    """What a results file of the benchmark says."""

    sample_ms: float | None
    iterations: list[tuple[str, float, float]]  # name, seconds measured, seconds predicted from its rates


def read_results(file: Path) -> Measured:
    """Loader time, and iterations with their predictions: operations and bytes over the rates of the same file.

    Raises:
        UserError: it is no results file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        rows, floor = content["rows"], content["floor"]
        sample = next((row["ours"]["median"] for row in rows if row["name"].startswith("one sample from")), None)
        iterations = [
            (row["name"], row["ours"]["median"], predicted)
            for row in rows
            if (predicted := predicted_here(row["name"], floor)) is not None
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"--results={file} is no file of python -m benchmarks: {error}") from error
    return Measured(sample, iterations)


def predicted_here(name: str, floor: dict[str, Any]) -> float | None:
    """Seconds of the iteration that a row is named after; None if it names none."""
    found = re.match(r"(G \+ D \+ VGG19|G \+ D|pixel-stage) iteration, GT (\d+), batch (\d+)(, fp32)?", name)
    if found is None or "32" not in floor["conv_gflops"]:
        return None
    players, gt_size, batch, as_published = found[1], int(found[2]), int(found[3]), found[4]
    precision = "32" if as_published or "bf16" not in floor["conv_gflops"] else "bf16"
    costs = iteration_costs(
        gt_size=gt_size,
        gan=players != "pixel-stage",
        perceptual=players == "G + D + VGG19",
        shared_fake_forward=as_published is None,
        taps_first=takes_taps_first(precision),
        size=4 if precision == "32" else BF16_BYTES,
    )
    rates = floor["conv_gflops"][precision]
    if not costs.keys() <= rates.keys():
        return None
    return float(
        sum(
            batch * (cost.flops / (rates[part] * 1e9) + cost.bytes / (floor["memory_gb_per_second"] * 1e9))
            for part, cost in costs.items()
        )
    )


def newest_results(folder: Path) -> Path | None:
    """The newest full results file, if there is one."""
    files = sorted(file for file in folder.glob("*.json") if not file.stem.endswith("-quick"))
    return files[-1] if files else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; the exit status."""
    options = _parser().parse_args(arguments)
    if options.gt_size < 16 or options.gt_size % 16:
        raise UserError(f"--gt-size={options.gt_size}: give a multiple of 16, such as 256")
    for name, number in (("--batch-size", options.batch_size), *(("--gpus", n) for n in options.gpus or ())):
        if number < 1:
            raise UserError(f"{name}={number}: give a whole number from 1 on")
    if not options.cores_per_gpu > 0:
        raise UserError(f"--cores-per-gpu={options.cores_per_gpu}: give a number above 0, such as {CORES_PER_GPU}")
    file = options.results or newest_results(FOLDER)
    measured = read_results(file) if file is not None else Measured(None, [])
    sample_ms = measured.sample_ms or DEFAULT_SAMPLE_MS
    console = rich.get_console()
    console.print(costs_table(options.gt_size))
    table = recipe_table(
        VARIANTS[0],
        gt_size=options.gt_size,
        batch=options.batch_size,
        counts=options.gpus,
        sample_ms=sample_ms,
        cores_per_gpu=options.cores_per_gpu,
    )
    Console(width=max(console.width, MIN_WIDTH)).print(table)
    loading = (
        f"loading measured in {file}"
        if measured.sample_ms
        else f"loading is assumed too: run {command('benchmarks')}"
    )
    console.print(
        f"assumed (docs/scaling.md): {COMPUTE_EFFICIENCY:.0%} of peak products, {MEMORY_EFFICIENCY:.0%} of memory "
        f"bandwidth, {options.cores_per_gpu:g} cores and {options.batch_size} samples per GPU; {loading}",
        highlight=False,
        soft_wrap=True,
    )
    for name, seconds, predicted in measured.iterations:
        console.print(
            f"check: {name}: measured {seconds:.3g} s, predicted {predicted:.3g} s, "
            f"error {predicted / seconds - 1:+.0%}",
            highlight=False,
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.plan", description="Predict what the published recipe costs on GPUs."
    )
    recipe = published_recipe()
    sizes = {"--gt-size": recipe.gt_size, "--batch-size": recipe.batch_size}
    words = {"--gt-size": "HR crop in pixels", "--batch-size": "samples per GPU and iteration"}
    for name, default in sizes.items():
        text = f"{words[name]} (default: {default})"
        parser.add_argument(name, type=int, default=default, metavar="N", help=text)
    parser.add_argument("--gpus", type=int, nargs="+", metavar="N", help="how many (default: a few usual numbers)")
    parser.add_argument(
        "--cores-per-gpu",
        type=float,
        default=CORES_PER_GPU,
        metavar="N",
        help=f"cores that load for each GPU (default: {CORES_PER_GPU})",
    )
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help=f"of the benchmark (default: the newest in {FOLDER})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
