"""The tables of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from benchmarks.costs import Cost
from benchmarks.plan.gpus import Gpu, gpus_named
from benchmarks.plan.loading import Loading
from benchmarks.plan.predict import BF16_BYTES, days
from benchmarks.plan.recipe import Recipe

SHORT = 250_000  # iterations, up to which a recipe's time is given in hours


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
    ways: Sequence[Loading],
    cores_per_gpu: float,
    names: Sequence[str] = (),
) -> Table:
    """The recipe on GPUs, all or by ``names``, in their usual ``counts`` or the given ones, loaded in each way."""
    stages = " / ".join({"pixel": "pixel", "gan": "GAN"}[stage] for stage in recipe.iterations)
    loading = ", ".join(f"{way.name} {way.ms:.{0 if way.ms >= 10 else 1}f}" for way in ways)
    table = Table(
        title=f"the {recipe.recipe} recipe for {recipe.name}, predicted; ms of a core for a sample: {loading}"
    )
    table.add_column("GPUs")
    for column in ("samples", "GB of memory"):
        table.add_column(column, justify="right")
    for way in ways:
        table.add_column(f"it/s, {stages}, {way.name}", justify="right")
    table.add_column(f"{_unit(recipe)}, {' / '.join(way.name for way in ways)}", justify="right")
    for way in ways:
        table.add_column(f"cores to feed a GPU, {stages}, {way.name}", justify="right")
    table.add_column(f"% of it for gradients, {stages}", justify="right")
    table.add_column(f"short first, {stages} (fastest way)")
    for gpu in gpus_named(names):
        for gpus in counts or gpu.counts:
            table.add_row(*_cells(recipe, gpu, gpus, ways, cores_per_gpu))
    return table


def _unit(recipe: Recipe) -> str:
    """Of the time that the recipe takes."""
    return "days" if sum(recipe.iterations.values()) > SHORT else "hours"


def _cells(recipe: Recipe, gpu: Gpu, gpus: int, ways: Sequence[Loading], cores_per_gpu: float) -> list[str]:
    found = [
        list(
            recipe.predict(gpu, gpus=gpus, loading=way.ms / 1000 / cores_per_gpu, rendering=way.rendering).values()
        )
        for way in ways
    ]
    fits = recipe.needed_gb() <= gpu.gb
    best = min(range(len(ways)), key=lambda way: days(found[way]))
    short = f"{' / '.join(stage.saturated for stage in found[best])} ({ways[best].name})"
    return [
        f"{gpus} × {gpu.name}{'' if gpu.has_bf16 else ', fp16'}",
        str(recipe.batch_size * gpus),
        f"{recipe.needed_gb():.1f} of {gpu.gb}",
        *(" / ".join(f"{1 / stage.seconds:.1f}" for stage in each) for each in found),
        " / ".join(f"{days(each) * (1 if _unit(recipe) == 'days' else 24):.1f}" for each in found),
        *(" / ".join(f"{cores_per_gpu * stage.loader_share:.0f}" for stage in each) for each in found),
        " / ".join(f"{100 * stage.exchange_share:.1f}" for stage in found[best]),
        short if fits else f"capacity: at most {recipe.largest_batch(gpu)} samples at once fit",
    ]
