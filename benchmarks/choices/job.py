"""A job: one row with one seed, an ordinary run in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.choices.choice import Choice, Comparison

MODEL = "checkpoints/last.ckpt"  # of the last iteration, unlike the file in model/, which is the best one's


@dataclass(frozen=True)
class Settings:
    """What all runs of a file of results have in common.

    Attributes:
        iterations: of each run.
        threads: of each process.
        overrides: what the command line adds to every row.
    """

    iterations: int
    threads: int
    overrides: tuple[str, ...] = ()

    def options(self) -> tuple[str, ...]:
        """As overrides of a run, which saves four times."""
        return (
            f"trainer.max_steps={self.iterations}",
            f"trainer.val_check_interval={max(1, self.iterations // 4)}",
            f"trainer.log_every_n_steps={max(1, self.iterations // 40)}",
            *self.overrides,
        )


@dataclass(frozen=True)
class Job:
    """A run.

    Attributes:
        choice: the row.
        seed: of weights and samples.
        folder: of the run.
        overrides: of the run, all of them.
        needs: the folder of the run whose model it learns from.
    """

    choice: Choice
    seed: int
    folder: Path
    overrides: tuple[str, ...]
    needs: Path | None = None

    @property
    def name(self) -> str:
        """The row and the seed."""
        return self.folder.name

    @property
    def model(self) -> Path:
        """The checkpoint of the last iteration."""
        return self.folder / MODEL

    def summary(self) -> dict[str, Any]:
        """What the run wrote about itself; empty before that."""
        file = self.folder / "summary.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def jobs_of(
    comparison: Comparison, choices: Iterable[Choice], seeds: Sequence[int], settings: Settings, folder: Path
) -> list[Job]:
    """Each row with each seed: the seeds of a row follow each other, so that they run side by side."""
    return [job_of(comparison, choice, seed, settings, folder) for choice in choices for seed in seeds]


def job_of(comparison: Comparison, choice: Choice, seed: int, settings: Settings, folder: Path) -> Job:
    """One row with one seed, which goes on where it stopped."""
    run = folder / f"{choice.name}-{seed}"
    needs = None if choice.needs is None else folder / f"{choice.needs}-{seed}"
    options = [option if needs is None else option.format(model=needs / MODEL) for option in choice.options]
    where = (f"seed={seed}", f"run_dir={run}", "ckpt_path=auto")
    return Job(choice, seed, run, (*comparison.common, *settings.options(), *options, *where), needs)


def with_models(missing: Sequence[Job], jobs: Sequence[Job]) -> list[Job]:
    """The missing jobs, in the order of all, and those whose model they need, where it is not there any more."""
    needed = {job.needs for job in missing}
    return [job for job in jobs if job in missing or (job.folder in needed and not job.model.is_file())]
