"""What a worker may use: a GPU that no other worker of its host has, and a share of the cores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from omegaconf import DictConfig

from esrgan_train.checks.devices import device_count, device_of
from esrgan_train.checks.tree import plain
from esrgan_train.errors import UserError
from esrgan_train.search.host_lock import HostLock

_VISIBLE = "CUDA_VISIBLE_DEVICES"
# In a process of its own: asking a GPU for its name takes some of its memory for as long as the asker lives.
_ASK = (
    "import json, torch; of = torch.cuda.get_device_properties; "
    "print(json.dumps([(str(of(i).uuid), of(i).name) for i in range(torch.cuda.device_count())]))"
)


class Gpu(NamedTuple):
    """A GPU that this process sees."""

    token: str  # by which CUDA_VISIBLE_DEVICES names it
    uuid: str  # the same on the whole host, whatever a process sees
    name: str


class Binding(NamedTuple):
    """What a worker has for itself; its locks must stay open as long as it lives."""

    gpus: list[Gpu]
    locks: list[HostLock]
    cores: list[int]

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Of the locks: a trial's process that inherits them keeps the GPU, should its worker die before it."""
        return tuple(lock.descriptor for lock in self.locks if lock.descriptor is not None)

    def environment(self) -> dict[str, str]:
        """Variables that bind a process to these GPUs and to as many threads as there are cores."""
        found = {_VISIBLE: ",".join(gpu.token for gpu in self.gpus)} if self.gpus else {}
        if self.cores and "OMP_NUM_THREADS" not in os.environ:
            found["OMP_NUM_THREADS"] = str(len(self.cores))
        return found

    def __str__(self) -> str:
        used = [f"GPU {gpu.token} ({gpu.name})" for gpu in self.gpus] or ["the CPU"]
        return ", ".join([*used, f"cores {_spans(self.cores)}"] if self.cores else used)


def wanted_gpus(cfg: DictConfig) -> int:
    """How many GPUs a trial takes; 0 for one that trains elsewhere."""
    return (
        max(1, device_count(plain(cfg.trainer.devices)) or 0)
        if device_of(cfg.trainer.accelerator) == "cuda"
        else 0
    )


def visible_gpus() -> list[Gpu]:
    """The GPUs that this process sees.

    Raises:
        UserError: they cannot be asked.
    """
    asked = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise UserError(f"the GPUs cannot be asked: {(asked.stderr.strip().splitlines() or ['no reason'])[-1]}")
    found = json.loads(asked.stdout)
    tokens = [token.strip() for token in os.environ.get(_VISIBLE, "").split(",") if token.strip()]
    tokens = tokens if len(tokens) == len(found) else [str(number) for number in range(len(found))]
    return [Gpu(token, uuid, name) for token, (uuid, name) in zip(tokens, found, strict=True)]


def take_gpus(
    gpus: Sequence[Gpu], wanted: int, *, per_device: int, owner: str
) -> tuple[list[Gpu], list[HostLock]]:
    """So many GPUs that no other worker on this host has; up to ``per_device`` workers share each.

    Raises:
        UserError: there are not enough; the message says who has the others.
    """
    taken: list[Gpu] = []
    locks: list[HostLock] = []
    others: list[str] = []
    for slot in range(per_device):
        for gpu in gpus:
            if len(taken) == wanted or gpu in taken:
                continue
            lock = HostLock(f"{_file_name(gpu)}-{slot}", owner)
            if lock.acquire():
                taken.append(gpu)
                locks.append(lock)
            else:
                others.append(f"GPU {gpu.token} ({gpu.name}) has {lock.holder()}")
    if len(taken) == wanted:
        return taken, locks
    for lock in locks:
        lock.release()
    reasons = "; ".join(others) or "none is there"
    raise UserError(
        f"this worker needs {wanted} free GPU{'s' * (wanted > 1)}, and {len(taken)} found ({reasons}): start "
        f"fewer workers, or give search.per_device={per_device + 1} to let them share"
    )


def share_of(number: int, workers: int) -> list[int]:
    """The cores of worker ``number`` (from 0) of ``workers`` on this host: its part of those of this process."""
    if not hasattr(os, "sched_getaffinity"):
        return []  # nothing binds to cores there
    cores = sorted(os.sched_getaffinity(0))
    share = cores[number * len(cores) // workers : (number + 1) * len(cores) // workers]
    return share or [cores[number % len(cores)]]


def _file_name(gpu: Gpu) -> str:
    own = gpu.token if gpu.token.startswith("MIG-") else gpu.uuid  # parts of one GPU may share its number
    return "".join(sign if sign.isalnum() or sign == "-" else "_" for sign in own)


def _spans(cores: Sequence[int]) -> str:
    """Numbers as ``0-3,8``."""
    starts = [core for core in cores if core - 1 not in cores]
    ends = [core for core in cores if core + 1 not in cores]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
