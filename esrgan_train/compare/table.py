"""The table of runs: what differs between them, and what came of each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rich
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from esrgan_train.compare.runs import Run
from esrgan_train.files import replacing
from esrgan_train.identity import differing, settings_of
from esrgan_train.training.stages import STAGE_NAMES

Record = dict[str, Any]  # one run, as column and value

_WIDEST = 10_000  # columns: long names of settings are not cut off, also where the output is piped
_SIDE_BY_SIDE = 4  # runs that fit beside each other on a terminal
_METRICS = ("psnr", "ssim", "psnr_y", "ssim_y", "lpips", "dists", "niqe")
_FURTHER = ("trainer.max_steps", "data.batch_size", "training.accumulate")  # that a resumed run may change


def records_of(runs: Sequence[Run]) -> list[Record]:
    """What the table says of each run: the settings that are not the same in all, and its results."""
    changed = settings_changed([run.config for run in runs])
    return [
        record_of(
            *(run.name, run.config, run.summary, changed),
            parameters=sum(p.numel() for p in run.generator.parameters()),
        )
        for run in runs
    ]


def settings_changed(configs: Sequence[DictConfig]) -> list[str]:
    """The names of the settings that are not the same in all."""
    settings = [
        settings_of(config) | {name: OmegaConf.select(config, name) for name in _FURTHER} for config in configs
    ]
    return sorted({name for other in settings[1:] for name in differing(settings[0], other)})


def record_of(
    name: str,
    config: DictConfig,
    summary: dict[str, Any],
    settings: Sequence[str],
    *,
    parameters: int | None = None,
) -> Record:
    """The values of ``settings`` in a run, and its results; a run that was not validated yet has few."""
    return {
        "run": name,
        "experiment": config.experiment,
        **{key: OmegaConf.select(config, key) for key in settings},
        "iterations": summary.get("iterations"),
        "samples/s": summary.get("samples_per_second"),
        "parameters": parameters,
        **{f"val/{metric}": summary.get("val", {}).get(metric) for metric in _METRICS},
        **_best_of_stages(summary),
    }


def print_table(records: Sequence[Record]) -> None:
    """Print the table to rich's console, as wide as it takes."""
    console, table = rich.get_console(), _table(records)
    whole = console.measure(table, options=console.options.update(width=_WIDEST)).maximum
    Console(file=console.file, width=max(console.width, whole)).print(table)


def write_csv(path: Path, records: Sequence[Record]) -> None:
    """Write the table with all digits."""
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _columns(records))
        writer.writeheader()
        writer.writerows(records)


def _best_of_stages(summary: dict[str, Any]) -> Record:
    columns: Record = {}
    for stage, name in STAGE_NAMES.items():
        best = summary.get("best", {}).get(stage, {})
        for key in best.keys() - {"step", "file"}:
            columns[f"best {key}, {name}"] = best[key]
        if best:
            columns[f"best iteration, {name}"] = best["step"]
    return columns


def _columns(records: Sequence[Record]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _table(records: Sequence[Record]) -> Table:
    """One column a run, or one row a run if there are many; columns without a value are left out."""
    columns = [name for name in _columns(records) if any(record.get(name) is not None for record in records)]
    table = Table(title="runs")
    if len(records) <= _SIDE_BY_SIDE:
        table.add_column(columns[0])
        for record in records:
            table.add_column(str(record["run"]), justify="right")
        for column in columns[1:]:
            table.add_row(column, *(cell(record.get(column)) for record in records))
        return table
    for column in columns:
        numbers = all(isinstance(record.get(column), (int, float, type(None))) for record in records)
        table.add_column(column, justify="right" if numbers else "left")
    for record in records:
        table.add_row(*(cell(record.get(column)) for column in columns))
    return table


def cell(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
