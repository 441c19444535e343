"""The jobs of a sweep; refused if each needs several processes, since every process would run the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import DictConfig

from esrgan_train.bounds import shown
from esrgan_train.checks.devices import device_count, plain
from esrgan_train.checks.paths import unreadable
from esrgan_train.errors import UserError

MAX_JOBS = 200  # checked beforehand; Hydra composes them all later

_IN_JOBS_OF_THEIR_OWN = "submitit"  # Hydra's launchers that give each run a job, and each process a task


def check_sweep(trainer: DictConfig, launcher: str) -> None:
    """``UserError`` if the runs of a sweep would need several processes and ``launcher`` gives them one job.

    Args:
        trainer: the ``trainer`` group.
        launcher: ``_target_`` of Hydra's launcher.
    """
    devices, nodes = plain(trainer.devices), trainer.num_nodes
    if _IN_JOBS_OF_THEIR_OWN in launcher:
        return
    if device_count(devices) not in (0, 1, None) or nodes != 1:
        raise UserError(
            f"-m with trainer.devices={shown(devices)} trainer.num_nodes={shown(nodes)}: every process would run "
            "the whole sweep; give hydra/launcher=submitit_slurm, or start the runs one by one from a shell loop"
        )


def is_sweep(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for a sweep with ``-m``."""
    return any(argument in ("-m", "--multirun") for argument in arguments)


def commas_separate(arguments: Sequence[str]) -> bool:
    """Whether a comma separates values: in a sweep, also in one that a choice or Hydra's mode starts."""
    asking = ("hparams_search=", "+hparams_search=", "hydra.mode=MULTIRUN")
    return is_sweep(arguments) or any(a.startswith(asking) and not a.endswith("=null") for a in arguments)


def jobs_of(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a sweep, as Hydra's own sweeper makes them; at most ``MAX_JOBS``.

    Raises:
        UserError: an override is not of the form key=value.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except OverrideParseException as error:
        raise UserError(unreadable(error.override)) from error
    choices = []
    for override in parsed:
        if not override.is_sweep_override():
            choices.append([override.input_line or ""])
        elif override.is_discrete_sweep():
            key = override.get_key_element()
            choices.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        # an interval is for a search that draws its own values
    return [list(job) for job in islice(product(*choices), MAX_JOBS)]
