"""The processor cores that a process may use, and its share where several processes run on one host."""

from __future__ import annotations

import math
import os
import socket
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


class Cores(NamedTuple):
    """What a process may use: the numbers of the cores that it is bound to, on a host, and how many at a time."""

    host: str
    numbers: frozenset[int]
    limit: float = math.inf  # of a container: docker run --cpus=4 binds to no core


def usable_cores() -> int:
    """How many cores this process may use, at least 1."""
    own = own_cores()
    return share_of_cores(own, [own])


def own_cores() -> Cores:
    """What this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    numbers = affinity(0) if affinity else range(os.cpu_count() or 1)
    return Cores(socket.gethostname(), frozenset(numbers), cpu_limit())


def share_of_cores(own: Cores, run: Sequence[Cores]) -> int:
    """How many cores are one process's, at least 1, if the processes of a ``run``, itself included, share theirs.

    torchrun lets all processes of a host use all of its cores; SLURM and numactl may bind each to some of its own.
    """
    here = _here(own, run)
    users = Counter(number for cores in here for number in cores.numbers)
    share = sum(Fraction(1, users[number]) for number in own.numbers)
    return max(1, math.floor(min(share, own.limit / len(here))))


def processes_of_host(own: Cores, run: Sequence[Cores]) -> int:
    """How many processes of a ``run`` are on the host of one of them."""
    return len(_here(own, run))


def cpu_limit() -> float:
    """How many cores' time the control groups of this process allow it under Linux; infinity without a limit."""
    groups = _OWN_GROUPS.read_text(encoding="utf-8").splitlines() if _OWN_GROUPS.is_file() else []
    path = next((group.removeprefix("0::") for group in groups if group.startswith("0::")), "/")
    own = _CGROUPS / path.lstrip("/")
    # In a container its own group is mounted at the top, whatever path the host knows it by: the top counts too.
    limits = [_limit_of(group) for group in (own, *own.parents) if group.is_relative_to(_CGROUPS)]
    return min([*limits, _limit_of_version_1(_CGROUPS / "cpu")])


def _here(own: Cores, run: Sequence[Cores]) -> list[Cores]:
    return [cores for cores in run if cores.host == own.host]


def _limit_of(group: Path) -> float:
    """Of a group of version 2, whose file says ``max 100000`` or microseconds of processor time per period."""
    file = group / "cpu.max"
    quota, period = file.read_text(encoding="utf-8").split() if file.is_file() else ("max", "")
    return math.inf if quota == "max" else int(quota) / int(period)


def _limit_of_version_1(group: Path) -> float:
    files = group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us"
    if not all(file.is_file() for file in files):
        return math.inf
    quota, period = (int(file.read_text(encoding="utf-8")) for file in files)
    return quota / period if quota > 0 else math.inf
