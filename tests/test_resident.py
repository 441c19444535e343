from __future__ import annotations

from pathlib import Path

import pytest

from esrgan_train import resident
from esrgan_train.resident import available_memory


def group(folder: Path, limit: str, used: int, inactive: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\ninactive_file {inactive}\n")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cgroup").write_text("0::/slurm/job_7\n")
    monkeypatch.setattr(resident, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(resident, "_CGROUPS", tmp_path / "groups")
    return tmp_path / "groups"


def test_the_tightest_control_group_counts(groups: Path) -> None:
    group(groups / "slurm" / "job_7", "max", 10)
    group(groups / "slurm", "1000", 300, inactive=50)
    assert available_memory() == 750
    group(groups / "slurm" / "job_7", "500", 400)
    assert available_memory() == 100


def test_a_group_over_its_limit_leaves_nothing(groups: Path) -> None:
    group(groups / "slurm" / "job_7", "500", 600)
    assert available_memory() == 0


def test_groups_of_the_first_version_count_too(groups: Path, tmp_path: Path) -> None:
    (tmp_path / "cgroup").write_text("5:cpu,memory:/docker/abc\n4:pids:/\n")
    folder = groups / "memory" / "docker"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("2000")
    (folder / "memory.usage_in_bytes").write_text("500")
    assert available_memory() == 1500


@pytest.mark.usefixtures("groups")
def test_without_limits_the_system_says() -> None:
    free = available_memory()
    assert free is None or free > 10_000_000
