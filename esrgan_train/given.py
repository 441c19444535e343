"""What this run was asked for on the command line."""

from __future__ import annotations

from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from esrgan_train.checks.paths import for_shell
from esrgan_train.config import config_dir

# Hydra's own options that say where and how a run is started, but not what it is.
_OF_THE_START = (
    *("hydra.mode", "hydra.sweep", "hydra/sweep", "hydra.launcher", "hydra/launcher"),
    *("hydra.run.dir", "hydra.output_subdir", "hydra.job"),
)
_FLAGS = {"main": "--config-path", "command-line": "--config-dir"}  # by the provider of a folder


def arguments_given() -> list[str]:
    """The words that compose this run's configuration once more: overrides as typed, then Hydra's flags.

    For a job of a sweep, its own overrides; the choice that makes a sweep is left out.
    """
    hydra = HydraConfig.get()
    overrides = [o for o in hydra.overrides.hydra if not o.lstrip("+").startswith(_OF_THE_START)]
    overrides += [o for o in hydra.overrides.task if not o.lstrip("+").startswith("hparams_search=")]
    flags: list[str] = []
    for source in hydra.runtime.config_sources:
        if source.provider in _FLAGS and Path(source.path) != config_dir():
            flags += [_FLAGS[source.provider], source.path]
    if hydra.job.config_name not in (None, "train"):
        flags += ["--config-name", hydra.job.config_name]
    return [*map(for_shell, overrides), *flags]
