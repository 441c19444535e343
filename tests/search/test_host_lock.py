from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from esrgan_train.errors import UserError
from esrgan_train.search.binding import Binding, Gpu, _spans, share_of, take_gpus
from esrgan_train.search.host_lock import HostLock

HOLD = """
import sys
from pathlib import Path
from esrgan_train.search.host_lock import HostLock
lock = HostLock(sys.argv[1], "process 7, search other", Path(sys.argv[2]))
print(lock.acquire(), flush=True)
sys.stdin.read()
"""
GPUS = [Gpu("0", "GPU-aaaa", "Card"), Gpu("1", "GPU-bbbb", "Card")]


def held(name: str, folder: Path) -> subprocess.Popen[str]:
    """Another process that has a lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, name, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


@pytest.fixture(name="folder")
def locks_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(
        "esrgan_train.search.binding.HostLock", lambda name, owner: HostLock(name, owner, tmp_path)
    )
    return tmp_path


def test_a_lock_is_one_processs_until_that_is_killed(tmp_path: Path):
    other = held("x", tmp_path)
    lock = HostLock("x", "me", tmp_path)
    assert not lock.acquire()
    assert lock.holder() == "process 7, search other"
    other.kill()
    other.wait()
    assert lock.acquire()
    assert not HostLock("x", "again", tmp_path).acquire()
    lock.release()
    assert HostLock("x", "again", tmp_path).acquire()


def test_a_lock_file_of_another_user_can_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "esrgan_train-x.lock").write_text("process 7")
    monkeypatch.setattr("esrgan_train.search.host_lock.os.access", lambda *_: False)
    lock = HostLock("x", "me", tmp_path)
    assert lock.acquire()
    assert lock.holder() == "process 7"  # nothing was written
    assert not HostLock("x", "again", tmp_path).acquire()


def test_a_worker_takes_the_gpu_that_no_other_has_and_is_refused_without_one(folder: Path):
    other = held("GPU-aaaa-0", folder)
    taken, locks = take_gpus(GPUS, 1, per_device=1, owner="me")
    assert [gpu.token for gpu in taken] == ["1"]
    with pytest.raises(
        UserError, match=r"needs 1 free GPU, and 0 found \(GPU 0 \(Card\) has process 7, search other"
    ):
        take_gpus(GPUS, 1, per_device=1, owner="me")
    locks[0].release()
    with pytest.raises(UserError, match="needs 2 free GPUs, and 1 found"):
        take_gpus(GPUS, 2, per_device=1, owner="me")
    assert [gpu.token for gpu in take_gpus(GPUS, 1, per_device=1, owner="me")[0]] == [
        "1"
    ]  # it gave back what it had
    other.kill()
    other.wait()


@pytest.mark.usefixtures("folder")
def test_two_workers_share_a_gpu_where_they_are_told_to():
    first = take_gpus(GPUS[:1], 1, per_device=2, owner="a")
    second = take_gpus(GPUS[:1], 1, per_device=2, owner="b")
    assert first[0] == second[0] == GPUS[:1]
    with pytest.raises(UserError, match=r"has a; GPU 0 \(Card\) has b.*search\.per_device=3"):
        take_gpus(GPUS[:1], 1, per_device=2, owner="c")


@pytest.mark.usefixtures("folder")
def test_parts_of_one_gpu_are_told_apart():
    parts = [Gpu(f"MIG-{sign}", "GPU-aaaa", "Card") for sign in "ab"]
    taken, _ = take_gpus(parts, 2, per_device=1, owner="me")
    assert taken == parts


def test_a_trial_sees_the_gpus_of_its_worker_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    bound = Binding(GPUS, [], [0, 1, 2, 5])
    assert bound.environment() == {"CUDA_VISIBLE_DEVICES": "0,1", "OMP_NUM_THREADS": "4"}
    assert str(bound) == "GPU 0 (Card), GPU 1 (Card), cores 0-2,5"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert Binding([], [], [0]).environment() == {}  # as the user has set it


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 8])
def test_workers_share_all_cores_evenly(workers: int, monkeypatch: pytest.MonkeyPatch):
    cores = {2, 3, 4, 5, 8, 9, 10}
    monkeypatch.setattr("os.sched_getaffinity", lambda _: cores, raising=False)
    shares = [share_of(number, workers) for number in range(workers)]
    assert set().union(*shares) == cores
    assert {len(share) for share in shares} <= {max(1, 7 // workers), -(-7 // workers)}
    if workers <= len(cores):
        assert sum(map(len, shares)) == len(cores)


def test_numbers_are_told_in_spans():
    assert _spans([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
