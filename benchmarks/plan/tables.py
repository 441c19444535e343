"""The tables of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from benchmarks.costs import Cost
from benchmarks.plan.gpus import GPUS
from benchmarks.plan.predict import BF16_BYTES, days
from benchmarks.plan.recipe import Recipe


def costs_table(costs: Iterable[tuple[str, Cost]], *, gt_size: int) -> Table:
    """Operations and bytes per sample and iteration, by network."""
    table = Table(title=f"per sample and iteration, GT {gt_size}")
    table.add_column("network")
    for name in ("trained parameters", "GFLOP", "MB moved, bf16"):
        table.add_column(name, justify="right")
    for name, cost in costs:
        moved = f"{cost.numbers * BF16_BYTES / 1e6:,.0f}"
        table.add_row(name, f"{cost.parameters:,}", f"{cost.flops / 1e9:.1f}", moved)
    return table


def recipe_table(
    recipe: Recipe,
    *,
    counts: Sequence[int] | None,
    sample_ms: float,
    packed_ms: float | None = None,
    cores_per_gpu: float,
) -> Table:
    """The recipe on each GPU, in its usual ``counts`` or the given ones; days on the clock.

    Args:
        sample_ms: that a core takes for a sample from a file.
        packed_ms: the same from a packed set; None if that is not known.
    """
    stages = " / ".join({"pixel": "pixel", "gan": "GAN"}[stage] for stage in recipe.iterations)
    loading = f"{sample_ms:.0f} ms per sample" + ("" if packed_ms is None else f", {packed_ms:.0f} ms packed")
    table = Table(title=f"the published recipe for {recipe.name}, predicted; loading {loading}")
    table.add_column("GPUs")
    for name in ("samples", f"it/s, {stages}", "GPU-hours", "days", "never waiting for data"):
        table.add_column(name, justify="right")
    table.add_column(f"cores per GPU to feed it, {stages}", justify="right")
    if packed_ms is not None:
        table.add_column("the same, packed", justify="right")
    table.add_column(f"short first, {stages}")
    for gpu in GPUS:
        for gpus in counts or gpu.counts:
            found = recipe.predict(gpu, gpus=gpus, loading=sample_ms / 1000 / cores_per_gpu).values()
            fed = recipe.predict(gpu, gpus=gpus, loading=0).values()
            feeding = [
                recipe.predict(gpu, gpus=gpus, loading=each / 1000).values()  # by one core
                for each in (sample_ms, packed_ms)
                if each is not None
            ]
            table.add_row(
                f"{gpus} × {gpu.name}",
                str(recipe.batch_size * gpus),
                " / ".join(f"{1 / stage.seconds:.1f}" for stage in found),
                f"{gpus * days(found) * 24:,.0f}",
                f"{days(found):.1f}",
                f"{days(fed):.1f}",
                *(" / ".join(f"{stage.loader_share:.0f}" for stage in one_core) for one_core in feeding),
                " / ".join(stage.saturated for stage in found),
            )
    return table
