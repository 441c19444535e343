"""Iterations whose losses or gradients are not finite: written down, and limited in number."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer
from torch import Tensor

from esrgan_train.bounds import Count, bounded
from esrgan_train.commands import command
from esrgan_train.errors import RunError
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.processes import gather_objects
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import LEARNING_RATES

log = logging.getLogger(__name__)

_MAX_PENDING = 50  # iterations that are kept; reading them costs one wait for the device


class Guard(Callback):
    """Writes down each skipped iteration, and stops a run that skips too many in a row.

    All processes skip the same iterations, and read about them every few iterations only, so nothing waits for a
    GPU. ``nonfinite/step_00000000.json`` then holds the samples and figures of every process, and
    ``python -m esrgan_train.replay`` shows those samples.

    Args:
        max_in_row: skipped iterations in a row after which the run stops.
    """

    @bounded
    def __init__(self, *, run_dir: str, max_in_row: Count) -> None:
        self.run_dir = Path(run_dir)
        self.max_in_row = max_in_row
        self.in_row = 0
        self.skipped = 0
        self.pending: list[tuple[int, Tensor | None, Mapping[str, Tensor], Tensor]] = []  # on the device

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep what explains a skipped iteration, and read it now and then."""
        self.pending.append((trainer.global_step, batch.get("index"), outputs["measured"], outputs["failed"]))
        if len(self.pending) >= min(_MAX_PENDING, trainer.log_every_n_steps):  # type: ignore[attr-defined]
            self.read(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        """Read before a checkpoint can be saved."""
        self.read(trainer, pl_module)

    def read(self, trainer: Trainer, module: ESRGANModule) -> None:
        """Report what was skipped since the last time.

        Raises:
            RunError: too many in a row.
        """
        pending, self.pending = self.pending, []
        skips = torch.stack([skip for *_, skip in pending]).tolist() if pending else []
        for (step, index, measured, _), skipped in zip(pending, skips, strict=True):
            if not skipped:
                self.in_row = 0
                continue
            self.in_row += 1
            self.skipped += 1
            self.report(trainer, module, step, index, measured)
            if self.in_row >= self.max_in_row:
                option = LEARNING_RATES[module.objective.stage_of(step)]
                raise RunError(
                    f"{self.in_row} iterations in a row, up to {step}, had losses or gradients that are not "
                    f"finite: look at {self.run_dir / 'nonfinite'}, then resume with a lower {option}, "
                    "training.grad_clip=1 or trainer.precision=32"
                )

    def report(
        self,
        trainer: Trainer,
        module: ESRGANModule,
        step: int,
        index: Tensor | None,
        measured: Mapping[str, Tensor],
    ) -> None:
        """Write down a skipped iteration; every process calls this with its own samples and figures."""
        figures = {name: _for_json(float(value)) for name, value in measured.items()}
        processes = gather_objects({"samples": [] if index is None else index.tolist(), "figures": figures})
        if not trainer.is_global_zero:
            return
        samples = sorted(n for each in processes for n in each["samples"])
        content = {"step": step, "seed": module.step.seed, "samples": samples, "processes": processes}
        path = self.run_dir / "nonfinite" / f"step_{step:08}.json"
        with reporting_failure(str(path.parent)), replacing(path) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        bad = [name for name in figures if any(isinstance(each["figures"][name], str) for each in processes)]
        log.warning(
            "iteration %d was skipped: not finite: %s; its samples: %s",
            step,
            ", ".join(bad) or "gradients",
            command("esrgan_train.replay", self.run_dir, *samples),
        )

    def state_dict(self) -> dict[str, Any]:
        return {"in_row": self.in_row, "skipped": self.skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.in_row, self.skipped = state_dict["in_row"], state_dict["skipped"]


def _for_json(value: float) -> float | str:
    """JSON knows no NaN and no infinity."""
    return value if math.isfinite(value) else str(value)
