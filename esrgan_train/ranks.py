"""Which process of a run this is, and what the first one decides for all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from torch._C._distributed_c10d import Store, TCPStore
from torch.distributed.rendezvous import rendezvous

from esrgan_train.errors import UserError
from esrgan_train.launchers import in_slurm

Decision = dict[str, Any]

_VARIABLE = "ESRGAN_TRAIN_RUN"  # for the processes that the first one starts itself
_TIMEOUT = timedelta(minutes=5)
_LONG_TIMEOUT = timedelta(hours=1)
_BELOW = 5000  # the port of SLURM's tasks for this, below the one at which Lightning lets them meet


def rank() -> int:
    """This process's number in the run, from what torchrun, SLURM or the first process says; 0 for the first."""
    for name in ("RANK", "SLURM_PROCID" if in_slurm() else "", "LOCAL_RANK"):
        if name and os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return 0


def slurm_job() -> str | None:
    """The job's number, the same again after a requeue; None outside SLURM."""
    if not in_slurm():
        return None
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ["SLURM_JOB_ID"]


def started_by_rank0() -> bool:
    """Whether the first process of a run started this one."""
    return _VARIABLE in os.environ


def broadcast_from_rank0(decide: Callable[[], Decision], *, slow: bool = False) -> Decision:
    """What the first process decides, in every process, before any process group exists.

    The folder of a run is named by the clock, and a checkpoint is looked for on a disk that changes: each
    process by itself would find another answer.

    Args:
        decide: called in the first process alone; gives plain values.
        slow: whether it may take minutes, and would come out otherwise in each of SLURM's tasks, which by default
            ask themselves: there the job's number names the folder.

    Raises:
        UserError: from ``decide``, in every process.
    """
    if started_by_rank0():
        decided: Decision = json.loads(os.environ[_VARIABLE])
        return decided
    timeout = _LONG_TIMEOUT if slow else _TIMEOUT
    if "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ["WORLD_SIZE"]) > 1:
        store, number, _ = next(rendezvous("env://", timeout=timeout))
        return _exchange(decide, store, number)
    if slow and in_slurm() and int(os.environ.get("SLURM_NTASKS", "1")) > 1:
        return _exchange_between_tasks(decide, timeout)
    return decide()


def _exchange_between_tasks(decide: Callable[[], Decision], timeout: timedelta) -> Decision:
    """``_exchange`` between the tasks of a SLURM job; the store is gone when all have read it."""
    job = SLURMEnvironment()
    number, count = job.global_rank(), job.world_size()
    address, port = job.main_address, job.main_port - _BELOW
    store = TCPStore(address, port, count, is_master=number == 0, timeout=timeout, wait_for_workers=False)
    decided = _exchange(decide, store, number)
    store.set(f"read/{number}", "")
    if number == 0:
        store.wait([f"read/{other}" for other in range(count)])
    return decided


def _exchange(decide: Callable[[], Decision], store: Store, number: int) -> Decision:
    key = f"esrgan_train/run/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
    if number == 0:
        try:
            answer = {"decided": decide()}
        except UserError as error:
            store.set(key, json.dumps({"error": str(error)}))
            raise
        store.set(key, json.dumps(answer))
    received = json.loads(store.get(key))
    if "error" in received:
        raise UserError(received["error"])
    shared: Decision = received["decided"]
    return shared


def pass_to_children(decision: Decision | None) -> None:
    """Pass a decision to the processes that this one will start; None takes it back."""
    if decision is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = json.dumps(decision)
