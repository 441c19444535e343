"""What a sweep makes of the command line: its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice, product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from esrgan_train.bounds import shown
from esrgan_train.checks.devices import device_count
from esrgan_train.checks.paths import unreadable
from esrgan_train.checks.tree import plain
from esrgan_train.errors import UserError
from esrgan_train.file_names import check_file_name

MAX_JOBS = 200  # checked beforehand; Hydra composes them all later

_PARSER = OverridesParser.create()
_JOB_EACH = "submitit"  # Hydra's launchers that give each run a job, and each process a task


def check_sweep(trainer: DictConfig, launcher: str) -> None:
    """``UserError`` if each run of a sweep needs several processes: every process would run the whole sweep.

    Args:
        trainer: the ``trainer`` group.
        launcher: ``_target_`` of Hydra's launcher; submitit's give each run a job of its own, and pass.
    """
    if _JOB_EACH in launcher:
        return
    devices, nodes = plain(trainer.devices), trainer.num_nodes
    if device_count(devices) not in (0, 1, None) or nodes != 1:
        raise UserError(
            f"-m with trainer.devices={shown(devices)} trainer.num_nodes={shown(nodes)}: every process would run "
            "the whole sweep; give hydra/launcher=submitit_slurm, or start the runs one by one from a shell loop"
        )


def check_folders(hydra: DictConfig) -> None:
    """``UserError`` if this system has no folder of a name that the sweep, or a job's values, give.

    Args:
        hydra: Hydra's node of a job.
    """
    for option in ("sweep.dir", "sweep.subdir"):
        with suppress(OmegaConfBaseException):  # of the number of a job, which only a sweep knows
            check_file_name(f"hydra.{option}", str(OmegaConf.select(hydra, option)))


def last_of_each_key(overrides: Sequence[str]) -> list[str]:
    """The overrides whose key does not come again: the last one wins, a value or a range."""
    keys = [override.get_key_element() for override in _PARSER.parse_overrides(list(overrides))]
    last = {key: place for place, key in enumerate(keys)}
    return [override for place, override in enumerate(overrides) if last[keys[place]] == place]


def jobs_of(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a sweep, as Hydra's own sweeper makes them; at most ``MAX_JOBS``.

    Raises:
        UserError: an override is not of the form key=value.
    """
    try:
        parsed = _PARSER.parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise UserError(unreadable(error.override)) from error
    choices = []
    for override in parsed:
        if not override.is_sweep_override():
            choices.append([override.input_line or ""])
        elif override.is_discrete_sweep():  # an interval is for a search, which draws its own values
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
    return [list(job) for job in islice(product(*choices), MAX_JOBS)]
