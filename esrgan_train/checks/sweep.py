"""A sweep of runs with several processes: refused, because each process would run its own sweep."""

from __future__ import annotations

from omegaconf import DictConfig

from esrgan_train.checks.devices import device_count, plain
from esrgan_train.checks.values import shown
from esrgan_train.errors import UserError

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
