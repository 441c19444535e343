"""summary.json and the closing table: the results of a run."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import Callback, Trainer
from rich.table import Table

import esrgan_train
from esrgan_train.bounds import bounded
from esrgan_train.callbacks.best import BestOfStages, measured_otherwise
from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.callbacks.lookup import callback_of
from esrgan_train.callbacks.waiting import Waiting
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.training.checkpoint_io import best_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import STAGE_NAMES, StageName
from esrgan_train.training.validation import is_trial

_MEASURES = ("psnr", "ssim", "psnr_y", "ssim_y")
_FURTHER = ("lpips", "dists", "niqe")  # that only some runs measure


class Summary(Callback):
    """Writes ``summary.json`` after each validation; keeps the scores of the start and the last of each stage.

    ``name`` is the file name of the model, ``init_from`` the file that the run starts from, if there is one.
    """

    @bounded
    def __init__(self, *, run_dir: str, name: str, init_from: str | None) -> None:
        self.run_dir = Path(run_dir)
        self.name = name
        self.init_from = init_from
        self.seconds_before = 0.0
        self.started = time.monotonic()
        self.start: dict[str, Any] = {}  # the scores of the first weights, and where they are ``from``
        self.validations: dict[StageName, dict[str, float]] = {}  # by stage
        self._alike = True

    def on_train_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        self.started = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if is_trial(trainer):
            return
        values = {k.removeprefix("val/"): float(v) for k, v in trainer.callback_metrics.items() if "val/" in k}
        if trainer.sanity_checking:
            self.start = {"from": self.init_from, **values}
            return
        stage = pl_module.objective.stage_of(trainer.global_step)
        self.validations[stage] = {"step": trainer.global_step, **values}
        if trainer.is_global_zero:
            path = self.run_dir / "summary.json"
            text = json.dumps(self._summary(trainer, pl_module, values), indent=2)
            with reporting_failure(str(path)), replacing(path) as partial:
                partial.write_text(text + "\n", encoding="utf-8")

    def _summary(self, trainer: Trainer, module: ESRGANModule, val: dict[str, float]) -> dict[str, Any]:
        seconds = self.seconds_before + time.monotonic() - self.started
        datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
        samples = datamodule.state_dict()["samples_seen"]
        if (checkpoints := callback_of(trainer, Checkpoints)) is not None:
            checkpoints.note(trainer, module.objective.stage_of(trainer.global_step))
        waiting = callback_of(trainer, Waiting)
        return {
            "iterations": trainer.global_step,
            "samples": samples,
            "seconds": round(seconds, 1),
            "samples_per_second": round(samples / seconds, 2),
            "waiting": round(waiting.run.share, 4) if waiting is not None else None,
            "val": val,
            "start": self.start,
            "stages": self.validations,
            "best": _best(checkpoints.best) if checkpoints is not None else {},
            "bad_samples": datamodule.bad_samples,
            "seed": datamodule.seed,
            "version": esrgan_train.__version__,
            "commit": _commit(),
            "precision": module.precision.name,
            "device": str(trainer.strategy.root_device),
            "model": f"model/{self.name}.pth",
        }

    def table(self) -> Table:
        """The closing table, on held-out photos: bicubic, the start, the averaged generator after each stage."""
        (first, *headings), *lines = score_lines(self.start, self.validations)
        table = Table(title="held-out photos")
        table.add_column(first)
        for heading in headings:
            table.add_column(heading, justify="right")
        for line in lines:
            table.add_row(*line)
        return table

    def state_dict(self) -> dict[str, Any]:
        return {
            "seconds": self.seconds_before + time.monotonic() - self.started,
            "start": self.start,
            "validations": self.validations,
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: ESRGANModule, checkpoint: dict[str, Any]) -> None:
        self._alike = not measured_otherwise(checkpoint, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume the time spent, and the results so far if new ones can be compared with them."""
        self.seconds_before = state_dict["seconds"]
        if self._alike:
            self.start = dict(state_dict.get("start", {}))
            self.validations = dict(state_dict["validations"])


def score_lines(start: Mapping[str, Any], validations: Mapping[StageName, Mapping[str, float]]) -> list[list[str]]:
    """Headings, and a line each for bicubic, the start and the last validation of each stage."""
    label = "start, as given" if start.get("from") else "before training"
    rows: dict[str, Mapping[str, Any]] = {label: start} if start else {}
    for stage, values in validations.items():
        rows[f"{STAGE_NAMES[stage]}, {values['step']:,} iterations"] = values
    further = [name for name in _FURTHER if any(name in values for values in rows.values())]
    lines = [["", "PSNR dB", "SSIM", "PSNR-Y dB", "SSIM-Y", *(name.upper() for name in further)]]
    if rows:
        figures = _cells(next(iter(rows.values())), *(f"{name}_bicubic" for name in _MEASURES))
        lines.append(["bicubic", *figures, *("" for _ in further)])
    return [*lines, *([label, *_cells(values, *_MEASURES, *further)] for label, values in rows.items())]


def _best(best: BestOfStages) -> dict[StageName, dict[str, Any]]:
    return {
        stage: ({} if value is None else {best.criteria[stage].monitor: value})
        | {"step": step, "file": f"checkpoints/{best_file(stage)}"}
        for stage, (value, step) in best.stages.items()
    }


def _cells(values: Mapping[str, float], *names: str) -> list[str]:
    return [_cell(name, values[name]) if name in values else "" for name in names]


def _cell(name: str, value: float) -> str:
    return f"{value:.2f}" if name.startswith(("psnr", "niqe")) else f"{value:.4f}"


def _commit() -> str | None:
    """The commit of the checkout this package runs from; None outside a checkout or without git."""
    file = Path(esrgan_train.__file__)
    git = ["git", "-C", str(file.parent)]
    try:
        # An environment may lie in the checkout of another project, whose commit says nothing of this one.
        subprocess.run([*git, "ls-files", "--error-unmatch", file.name], capture_output=True, check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
