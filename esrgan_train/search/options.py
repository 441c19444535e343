"""The ``search`` group of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MinLen

from esrgan_train.bounds import Count, Positive, check_fields
from esrgan_train.errors import UserError
from esrgan_train.metrics.directions import Mode
from esrgan_train.training.stages import StageName

Stages = Annotated[list[StageName], MinLen(1)]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a study is kept and carried on. ``conf/search/default.yaml`` says what each is for."""

    name: str
    dir: str
    storage: str | None
    trials: Count
    wait: bool
    heartbeat: Positive
    silence: Positive
    attempts: Count
    per_device: Count
    mode: Mode | None
    sampler: Any
    pruner: Any
    prune_stages: Stages
    space: Any

    def __post_init__(self) -> None:
        check_fields(self, at="search.")
        if self.silence < 3 * self.heartbeat:
            raise UserError(
                f"search.silence={self.silence:g}: a worker would be taken for dead after few of its heartbeats: "
                f"give at least three times search.heartbeat={self.heartbeat:g}"
            )

    @property
    def folder(self) -> Path:
        """Of the search; its trials' run folders lie in it."""
        return Path(self.dir)

    def run_dir(self, trial: int) -> Path:
        """The run folder of a trial, by its number."""
        return self.folder / str(trial)
