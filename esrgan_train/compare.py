"""Comparing runs: ``python -m esrgan_train.compare RUN... [-o OUT]``, a table, curves and crops side by side."""

from __future__ import annotations

import argparse
import csv
import io
import json
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rich
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table
from torch import nn

from esrgan_train.build import build_datamodule
from esrgan_train.callbacks.curves import points, use_log_scale
from esrgan_train.cli import DONE, run_command
from esrgan_train.config import changed_settings, register, settings_of
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.images.crop import middle
from esrgan_train.images.encode import to_uint8, write_image
from esrgan_train.images.lettering import legible
from esrgan_train.images.sheet import Tile, labelled_sheet
from esrgan_train.inference.bicubic import REACH, enlarge_bicubic
from esrgan_train.inference.reach import enlarge_part, reach_of
from esrgan_train.loggers.metrics_csv import FILE_NAME, Row, read_rows
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.training.stages import STAGE_NAMES

log = logging.getLogger(__name__)

_CURVES = {
    "val/psnr": "PSNR on held-out photos (dB)",
    "val/ssim": "SSIM on held-out photos",
    "train/pixel": "pixel loss",
}
_WIDEST = 10_000  # columns: long names of settings are not cut off, also where the output is piped
_SIDE_BY_SIDE = 4  # runs that fit beside each other on a terminal
_METRICS = ("psnr", "ssim", "psnr_y", "ssim_y", "lpips")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is known of a finished run folder.

    Attributes:
        folder: the run folder.
        config: its resolved configuration.
        rows: of metrics.csv.
        summary: of summary.json.
        generator: built from the model file, on the CPU.
        radius: how far the generator looks, in pixels of its input; None: without end.
    """

    folder: Path
    config: DictConfig
    rows: list[Row]
    summary: dict[str, Any]
    generator: nn.Module
    radius: int | None

    @property
    def upscale(self) -> int:
        """Output pixels per input pixel, each way."""
        return int(self.config.upscale)


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A held-out photo: all that is shown of it, and what models are given.

    Attributes:
        lr: (1, 3, h, w) in [0, 1].
        hr: the middle, (H, W, 3).
        part: rows and columns of the enlarged ``lr`` that ``hr`` shows.
    """

    lr: torch.Tensor
    hr: npt.NDArray[np.uint8]
    part: tuple[slice, slice]


Photos = dict[str, Photo]  # by name


def main(arguments: list[str] | None = None) -> int:
    """Print the table and write comparison.csv, curves.png and crops.png.

    Raises:
        UserError: no run to compare.
    """
    options = _parser().parse_args(arguments)
    register()
    runs = []
    for folder in find_runs(options.runs):
        try:
            runs.append(read_run(folder))
        except UserError as error:
            log.warning("%s is left out: %s", folder, error)
    if not runs:
        raise UserError("there is no run to compare: give run folders that hold summary.json and model/")
    names = name_runs([run.folder for run in runs])
    records = [record(name, run, runs) for name, run in zip(names, runs, strict=True)]
    console, table = rich.get_console(), make_table(records)
    whole = console.measure(table, options=console.options.update(width=_WIDEST)).maximum
    Console(file=console.file, width=max(console.width, whole)).print(table)
    out: Path = options.output
    write_csv(out / "comparison.csv", records)
    with replacing(out / "curves.png") as unfinished:
        draw_curves(names, runs).savefig(unfinished, dpi=100)
    written = ["comparison.csv", "curves.png"]
    photographs = held_out_of(names, runs, options.photos, crop=options.crop)
    if any(photographs):
        write_image(out / "crops.png", draw_crops(names, runs, photographs))
        written.append("crops.png")
    else:
        log.warning("no run's held-out photos are here, so there is no crops.png")
    for file in written:
        log.info("%s", out / file)
    return DONE


def find_runs(given: Sequence[Path]) -> list[Path]:
    """The run folders among ``given`` and, for folders that hold several such as a sweep's, those inside.

    Raises:
        UserError: a folder that does not exist or holds no run.
    """
    found: dict[Path, None] = {}
    for folder in given:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder: give run folders, or a folder that holds them")
        inside = [folder] if (folder / "config.yaml").exists() else sorted(_inside(folder))
        if not inside:
            raise UserError(f"{folder} holds no run (no config.yaml in it or below): give a run folder")
        found.update(dict.fromkeys(inside))
    return list(found)


def _inside(folder: Path) -> list[Path]:
    # W&B keeps a config.yaml of its own inside a run
    return [file.parent for file in folder.rglob("config.yaml") if "wandb" not in file.parts]


def read_run(folder: Path) -> Run:
    """Read a run folder.

    Raises:
        UserError: something is missing or broken.
    """
    try:
        config = OmegaConf.load(folder / "config.yaml")
        summary = json.loads((folder / "summary.json").read_text())
        assert isinstance(config, DictConfig)
        model = (folder / summary["model"]).with_suffix(".safetensors")
        rows = read_rows(folder / FILE_NAME)
        [float(row["step"]) for row in rows]
        summary["iterations"], summary["val"]["psnr"]
    except FileNotFoundError as error:
        raise UserError(f"{Path(error.filename).name} is missing, so it has not come to a validation") from error
    except Exception as error:  # a broken file can fail in any parser; the others go on
        raise UserError(f"broken: {type(error).__name__}: {' '.join(str(error).split())}") from error
    if not model.exists():
        raise UserError(f"model/{model.name} is missing")
    generator = rebuild_generator(load_weights(model)).eval()
    return Run(
        folder=folder,
        config=config,
        rows=rows,
        summary=summary,
        generator=generator,
        radius=reach_of(generator),
    )


def name_runs(folders: Sequence[Path]) -> list[str]:
    """As short a name for each folder as tells it from the others: its last part, or more of them."""
    absolute = [folder.resolve() for folder in folders]
    for count in range(1, max(len(folder.parts) for folder in absolute) + 1):
        names = ["/".join(folder.parts[-count:]) for folder in absolute]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in absolute]


def differing(runs: Sequence[Run]) -> list[str]:
    """Names of the settings that are not the same in all runs."""
    further = ("trainer.max_steps", "data.batch_size", "training.accumulate")
    settings = [
        settings_of(run.config) | {name: OmegaConf.select(run.config, name) for name in further} for run in runs
    ]
    names = [change.partition("=")[0] for other in settings[1:] for change in changed_settings(settings[0], other)]
    return sorted(dict.fromkeys(names))


def record(name: str, run: Run, runs: Sequence[Run]) -> dict[str, Any]:
    """One line of the table, as column and value."""
    val = run.summary["val"]
    return {
        "run": name,
        "experiment": run.config.experiment,
        **{key: OmegaConf.select(run.config, key) for key in differing(runs)},
        "iterations": run.summary["iterations"],
        "samples/s": run.summary.get("samples_per_second"),
        "parameters": sum(p.numel() for p in run.generator.parameters()),
        **{f"val/{metric}": val.get(metric) for metric in _METRICS},
        **best_of_stages(run.summary),
    }


def best_of_stages(summary: dict[str, Any]) -> dict[str, Any]:
    """The best value of each stage of a run and its iteration, as columns named by value and stage."""
    columns: dict[str, Any] = {}
    for stage, name in STAGE_NAMES.items():
        best = summary.get("best", {}).get(stage, {})
        for key in best.keys() - {"step", "file"}:
            columns |= {f"best {key}, {name}": best[key], f"best iteration, {name}": best["step"]}
    return columns


def make_table(records: Sequence[dict[str, Any]]) -> Table:
    """One column a run, or one row a run if they are many; what no run has is left out."""
    columns = [
        c for c in dict.fromkeys(key for r in records for key in r) if any(r.get(c) is not None for r in records)
    ]
    table = Table(title="runs")
    if len(records) <= _SIDE_BY_SIDE:
        for name in columns[:1] + [str(r["run"]) for r in records]:
            table.add_column(name, justify="left" if name == columns[0] else "right")
        for column in columns[1:]:
            table.add_row(column, *(_cell(r.get(column)) for r in records))
        return table
    for column in columns:
        numbers = all(isinstance(r.get(column), (int, float, type(None))) for r in records)
        table.add_column(column, justify="right" if numbers else "left")
    for each in records:
        table.add_row(*(_cell(each.get(column)) for column in columns))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def write_csv(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """The table with all digits."""
    columns = list(dict.fromkeys(key for each in records for key in each))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(records)
    with replacing(path) as unfinished:
        unfinished.write_bytes(text.getvalue().encode())


def draw_curves(names: Sequence[str], runs: Sequence[Run]) -> Figure:
    """The runs' curves over each other; the legend stands below, where it covers none of them."""
    figure = Figure(figsize=(15, 4.2 + 0.25 * len(runs)), layout="constrained")
    axes = figure.subplots(1, len(_CURVES))
    for axis, (value, title) in zip(axes, _CURVES.items(), strict=True):
        for number, (name, run) in enumerate(zip(names, runs, strict=True)):
            steps, values = thinned(*points(run.rows, value))
            marker = "o" if len(steps) < 30 else None
            axis.plot(steps, values, label=legible(name), color=f"C{number % 10}", marker=marker, markersize=3)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("iteration", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    use_log_scale(axes[-1])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(runs)), fontsize=8)
    return figure


def thinned(steps: Sequence[int], values: Sequence[float], most: int = 100) -> tuple[list[float], list[float]]:
    """Means of equal stretches of the readings, ``most`` at the most: one noisy curve must not hide the others."""
    count = min(most, len(steps))
    if not count:
        return [], []
    means = [[float(part.mean()) for part in np.array_split(np.asarray(each), count)] for each in (steps, values)]
    return means[0], means[1]


def held_out_of(names: Sequence[str], runs: Sequence[Run], count: int, *, crop: int) -> list[Photos]:
    """The first held-out photos of each run.

    A run whose photos are gone, as when its folder was copied from another machine, borrows those of the
    first run of its scale that has them.
    """
    found: list[Photos | None] = []
    for name, run in zip(names, runs, strict=True):
        try:
            found.append(held_out(run, count, crop=crop))
        except UserError as error:
            log.warning("the held-out photos of %s are not here (%s)", name, error)
            found.append(None)
    lenders = {run.upscale: photos for run, photos in reversed(list(zip(runs, found, strict=True))) if photos}
    return [
        photos if photos is not None else lenders.get(run.upscale, {})
        for run, photos in zip(runs, found, strict=True)
    ]


def draw_crops(names: Sequence[str], runs: Sequence[Run], photographs: Sequence[Photos]) -> npt.NDArray[np.uint8]:
    """The same held-out photos through each run's model, with bicubic and HR beside.

    Each model gets the LR of its own run: runs that degrade or scale otherwise see other pictures, which is
    said. A photo that a run does not have is taken from those that have it.
    """
    first = photographs[0]
    for name, run, theirs in zip(names[1:], runs[1:], photographs[1:], strict=True):
        if run.upscale != runs[0].upscale:
            log.warning(
                "%s upscales ×%d, %s ×%d: their photos are not alike", name, run.upscale, names[0], runs[0].upscale
            )
        if list(theirs) != list(first):
            log.warning("%s was validated with other photos than %s: only those of both are alike", name, names[0])
        elif any(
            theirs[n].lr.shape != first[n].lr.shape or not torch.equal(theirs[n].lr, first[n].lr) for n in theirs
        ):
            log.warning("%s was validated with otherwise degraded photos than %s", name, names[0])
    rows: list[list[Tile]] = []
    for photo in dict.fromkeys(name for each in photographs for name in each):
        owner = next(number for number, each in enumerate(photographs) if photo in each)
        shown, upscale = photographs[owner][photo], runs[owner].upscale
        bicubic = partial(enlarge_bicubic, upscale=upscale)
        row = [(f"{photo} bicubic", _enlarged(bicubic, shown, radius=REACH, upscale=upscale))]
        for name, run, theirs in zip(names, runs, photographs, strict=True):
            if photo in theirs:
                sr = _enlarged(run.generator, theirs[photo], radius=run.radius, upscale=run.upscale)
                row.append((name, sr))
        rows.append([*row, ("HR", shown.hr)])
    return labelled_sheet(rows, title="held-out photos")


def held_out(run: Run, count: int, *, crop: int) -> Photos:
    """The run's first held-out photos by name, degraded as in its validation; of HR the middle ``crop`` alone."""
    config = run.config.copy()
    config.data.num_workers = 0
    datamodule = build_datamodule(config)
    datamodule.setup("validate")
    found: Photos = {}
    for batch in datamodule.val_dataloader():
        if len(found) == count:
            break
        if not batch["counts"].all():  # it cannot be read
            continue
        rows, columns = (middle(side, most=crop, step=run.upscale) for side in batch["hr"].shape[-2:])
        hr = _picture(batch["hr"][..., rows, columns])
        found[batch["name"][0]] = Photo(lr=batch["lr"], hr=hr, part=(rows, columns))
    return found


def _enlarged(
    network: Callable[[torch.Tensor], torch.Tensor], photo: Photo, *, radius: int | None, upscale: int
) -> npt.NDArray[np.uint8]:
    with torch.inference_mode():
        return _picture(enlarge_part(network, photo.lr, photo.part, radius=radius, scale=upscale))


def _picture(image: torch.Tensor) -> npt.NDArray[np.uint8]:
    """(1, 3, H, W) in [0, 1] to (H, W, 3)."""
    return to_uint8(image[0].float().permute(1, 2, 0).numpy())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m esrgan_train.compare", description="Compare runs.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders, or folders that hold them")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("comparison"),
        metavar="OUT",
        help="folder to write to (default: comparison)",
    )
    parser.add_argument("--photos", type=int, default=3, metavar="N", help="held-out photos to show (default: 3)")
    parser.add_argument(
        "--crop", type=int, default=192, metavar="N", help="side of the crops in HR pixels (default: 192)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
