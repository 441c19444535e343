"""How a run was started, and the command that starts it again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hydra.types import RunMode
from omegaconf import DictConfig

from esrgan_train.checks.paths import for_shell, path_override
from esrgan_train.commands import command
from esrgan_train.config import config_dir

# Hydra's own options of where and how a run is started; they do not change the run.
_OF_THE_START = (
    *("hydra.mode", "hydra.sweep", "hydra/sweep", "hydra.launcher", "hydra/launcher"),
    *("hydra.run.dir", "hydra.output_subdir", "hydra.job"),
)
_FLAGS = {"main": "--config-path", "command-line": "--config-dir"}  # by the provider of a folder


@dataclass(frozen=True)
class Launch:
    """How a run was started; by default by a call from Python.

    Attributes:
        arguments: the words of a command line that compose this configuration again; None without one.
        job_dir: the folder of this job in a sweep.
    """

    arguments: tuple[str, ...] | None = None
    job_dir: Path | None = None

    @classmethod
    def of(cls, hydra: DictConfig) -> Launch:
        """The launch that Hydra describes in its node of the configuration."""
        in_sweep = hydra.mode == RunMode.MULTIRUN
        job_dir = Path(hydra.sweep.dir) / str(hydra.job.num) if in_sweep else None
        return cls(arguments=tuple(_arguments(hydra)), job_dir=job_dir)

    def restart_command(self) -> str:
        """What starts the run again from scratch, for a shell or in Python."""
        return "train(cfg)" if self.arguments is None else _train(*self.arguments)

    def resume_command(self, run_dir: str) -> str:
        """What resumes the run in ``run_dir``, for a shell or in Python."""
        if self.arguments is None:
            return f'cfg.run_dir, cfg.ckpt_path = {run_dir!r}, "last"; train(cfg)'
        return _train(*self._own_words(), path_override("run_dir", run_dir), "ckpt_path=last")

    def repeat_command(self) -> str:
        """What makes the same run again from scratch, in a folder of its own, for a shell or in Python."""
        return "train(cfg)" if self.arguments is None else _train(*self._own_words())

    def _own_words(self) -> list[str]:
        """The arguments without those that say where a run is stored and resumed."""
        replaced = ("ckpt_path", "run_dir")
        return [a for a in self.arguments or () if a.lstrip("+").partition("=")[0] not in replaced]


def _train(*words: str) -> str:
    return command("esrgan_train", *words, processes=True)


def _arguments(hydra: DictConfig) -> list[str]:
    """Overrides as typed, then Hydra's flags; in a sweep the job's own, without the choice that makes a sweep."""
    overrides = [o for o in hydra.overrides.hydra if not o.lstrip("+").startswith(_OF_THE_START)]
    overrides += [o for o in hydra.overrides.task if not o.lstrip("+").startswith("hparams_search=")]
    flags: list[str] = []
    for source in hydra.runtime.config_sources:
        if source.provider in _FLAGS and Path(source.path) != config_dir():
            flags += [_FLAGS[source.provider], source.path]
    if hydra.job.config_name not in (None, "train"):
        flags += ["--config-name", hydra.job.config_name]
    return [*map(for_shell, overrides), *flags]
