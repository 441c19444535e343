"""Iterations whose losses or gradients are not finite: written down, and limited in number."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

from lightning import Callback, Trainer

from esrgan_train.bounds import Count, bounded
from esrgan_train.commands import command
from esrgan_train.errors import RunError
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.nonfinite import MAX_PENDING, Skipped
from esrgan_train.training.processes import gather_objects
from esrgan_train.training.stages import LEARNING_RATES

log = logging.getLogger(__name__)


class Guard(Callback):
    """Writes down each skipped iteration, and stops a run that skips too many in a row.

    All processes skip the same iterations. What happened is read every few iterations only, so that nothing waits
    for a GPU; ``nonfinite/step_00000000.json`` then holds the samples and figures of every process, and
    ``python -m esrgan_train.replay`` shows those samples.

    Args:
        run_dir: the run folder.
        max_in_row: skipped iterations in a row after which the run stops.
    """

    @bounded
    def __init__(self, *, run_dir: str, max_in_row: Count) -> None:
        self.run_dir = Path(run_dir)
        self.max_in_row = max_in_row
        self.in_row = 0
        self.skipped = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Read now and then."""
        if len(pl_module.nonfinite) >= min(MAX_PENDING, trainer.log_every_n_steps):  # type: ignore[attr-defined]
            self.read(trainer, pl_module)

    def on_validation_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        """Read before a checkpoint can be saved."""
        self.read(trainer, pl_module)

    def read(self, trainer: Trainer, module: ESRGANModule) -> None:
        """Report what was skipped since the last time.

        Raises:
            RunError: too many in a row.
        """
        for step, skipped in module.nonfinite.read():
            if skipped is None:
                self.in_row = 0
                continue
            self.in_row += 1
            self.skipped += 1
            self._report(trainer, module, gather_objects(skipped))
            if self.in_row >= self.max_in_row:
                option = LEARNING_RATES[module.objective.stage_of(step)]
                raise RunError(
                    f"{self.in_row} iterations in a row, up to {step}, had losses or gradients that are not "
                    f"finite: look at {self.run_dir / 'nonfinite'}, then resume with a lower {option}, "
                    "training.grad_clip=1 or trainer.precision=32"
                )

    def _report(self, trainer: Trainer, module: ESRGANModule, processes: list[Skipped]) -> None:
        if not trainer.is_global_zero:
            return
        step, samples = processes[0].step, sorted(n for each in processes for n in each.samples)
        path = self.run_dir / "nonfinite" / f"step_{step:08}.json"
        content = {
            "step": step,
            "seed": module.seed,
            "samples": samples,
            "processes": [{"samples": each.samples, "figures": _as_text(each.figures)} for each in processes],
        }
        with reporting_failure(str(path.parent)), replacing(path) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n")
        names = [
            name
            for name in processes[0].figures
            if not all(math.isfinite(each.figures[name]) for each in processes)
        ]
        log.warning(
            "iteration %d was skipped: not finite: %s; its samples: %s",
            step,
            ", ".join(names) or "gradients",
            command("esrgan_train.replay", self.run_dir, *samples),
        )

    def state_dict(self) -> dict[str, Any]:
        """The counts, for the checkpoint."""
        return {"in_row": self.in_row, "skipped": self.skipped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume the counts."""
        self.in_row, self.skipped = state_dict["in_row"], state_dict["skipped"]


def _as_text(figures: dict[str, float]) -> dict[str, float | str]:
    """JSON knows no NaN and no infinity."""
    return {name: value if math.isfinite(value) else str(value) for name, value in figures.items()}
