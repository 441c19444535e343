"""How many cores a process may use, by what it is bound to, by control groups and by who else runs there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from esrgan_train import cores
from esrgan_train.cores import Cores, cpu_limit, own_cores, processes_of_host, share_of_cores, usable_cores

Write = Callable[[dict[str, str]], None]


def bound_to(numbers: range, host: str = "a", limit: float = float("inf")) -> Cores:
    return Cores(host, frozenset(numbers), limit)


def test_processes_that_may_use_all_cores_share_them():
    run = [bound_to(range(64))] * 4
    assert [share_of_cores(own, run) for own in run] == [16] * 4


def test_a_process_bound_to_cores_of_its_own_has_them_for_itself():
    run = [bound_to(range(12 * rank, 12 * rank + 12)) for rank in range(4)]  # srun --cpus-per-task=12
    assert [share_of_cores(own, run) for own in run] == [12] * 4


def test_processes_bound_to_halves_share_the_half():
    run = [bound_to(range(8))] * 2 + [bound_to(range(8, 16))] * 2
    assert [share_of_cores(own, run) for own in run] == [4] * 4


def test_another_host_takes_nothing_away():
    run = [bound_to(range(8), host) for host in ("a", "a", "b")]
    assert [share_of_cores(own, run) for own in run] == [4, 4, 8]
    assert [processes_of_host(own, run) for own in run] == [2, 2, 1]


def test_the_limit_of_a_container_is_shared_too():
    alone = bound_to(range(64), limit=4)
    assert share_of_cores(alone, [alone]) == 4
    assert share_of_cores(alone, [alone] * 2) == 2


def test_there_is_always_one_core():
    crowded = bound_to(range(2), limit=0.5)
    assert share_of_cores(crowded, [crowded] * 8) == 1


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files as they lie in /sys/fs/cgroup, and as "self" the one in /proc."""
    monkeypatch.setattr(cores, "_CGROUPS", tmp_path)
    monkeypatch.setattr(cores, "_OWN_GROUPS", tmp_path / "self")

    def write(files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text + "\n")

    return write


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, float("inf")),  # no Linux, or no groups
        ({"self": "0::/", "cpu.max": "400000 100000"}, 4),  # docker run --cpus=4
        ({"self": "0::/docker/1f", "cpu.max": "150000 100000"}, 1.5),  # the group as the host calls it
        ({"self": "0::/user/job", "user/job/cpu.max": "max 100000", "user/cpu.max": "800000 100000"}, 8),
        ({"self": "0::/user/job", "user/job/cpu.max": "max 100000"}, float("inf")),
        ({"self": "3:cpu:/", "cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"self": "3:cpu:/", "cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
    ],
)
def test_the_limit_of_a_control_group_is_read(groups: Write, files: dict[str, str], limit: float):
    groups(files)
    assert cpu_limit() == limit


def test_a_container_limits_the_usable_cores(groups: Write, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert usable_cores() == 64
    groups({"self": "0::/", "cpu.max": "400000 100000"})
    assert usable_cores() == 4


def test_without_affinity_all_cores_count(groups: Write, monkeypatch: pytest.MonkeyPatch):
    groups({})
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert own_cores().numbers == frozenset(range(10))
    monkeypatch.setattr(os, "cpu_count", lambda: None)  # it may be unknown
    assert usable_cores() == 1
