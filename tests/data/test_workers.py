"""Worker processes that fail, die, hang, or are asked to stop."""

from __future__ import annotations

import logging
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, get_worker_info

from esrgan_train import signals
from esrgan_train.data import workers
from esrgan_train.data.loader import PhotoLoader, TrainingLoader
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.data.workers import cause_in, death, explained
from esrgan_train.errors import RunError, StopRequestedError, UserError

pytestmark = pytest.mark.run

CHECKOUT = Path(__file__).parents[2]


class Photos(Dataset[dict[str, Any]]):
    """Numbers; what ``at`` asks for happens in the worker that reads the number ``n``."""

    def __init__(self, at: str = "", n: int = 6, fifo: Path | None = None) -> None:
        self.at, self.n, self.fifo = at, n, fifo

    def __getitem__(self, n: int) -> dict[str, Any]:
        if n == self.n:
            self.happen()
        return {"hr": torch.tensor([n])}

    def happen(self) -> None:
        if self.at.startswith("SIG") and get_worker_info() is not None:
            os.kill(os.getpid(), getattr(signal, self.at))
        if self.at == "hang":
            assert self.fifo is not None
            self.fifo.read_bytes()  # nobody writes
        if self.at == "user":
            raise UserError("photo.png is no photo; remove it")
        if self.at == "mistake":
            raise TypeError("a mistake\nof two lines")


def read(dataset: Photos, count: int = 20, *, num_workers: int = 2, kind: type[PhotoLoader] = PhotoLoader) -> Any:
    """The numbers of ``count`` batches of two."""
    loader = kind(dataset, batch_size=2, sampler=RankStridedSampler(start=0), num_workers=num_workers)
    return [batch["hr"][:, 0].tolist() for batch in islice(loader, count)]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        ("SIGKILL", "data.cache_mb or data.batch_size"),
        ("SIGBUS", "--shm-size"),
        ("SIGSEGV", "data.num_workers=0 shows"),
    ],
)
def test_a_dead_worker_is_reported_with_the_likeliest_remedy(number: str, remedy: str) -> None:
    started = time.monotonic()
    with pytest.raises(RunError, match=rf"^worker process \d+ was killed by {number}; .*{remedy}"):
        read(Photos(number))
    assert time.monotonic() - started < 8
    assert multiprocessing.active_children() == []


def test_a_dead_worker_never_interrupts_the_main_process() -> None:
    loader = PhotoLoader(Photos(), batch_size=2, sampler=RankStridedSampler(start=0), num_workers=2)
    batches = iter(loader)
    next(batches)
    (first, _) = multiprocessing.active_children()
    first.kill()
    first.join()
    deadline = time.monotonic() + 0.5
    while time.monotonic() < deadline:
        sum(range(1000))  # torch would raise here, from its handler of SIGCHLD
    with pytest.raises(RunError, match=f"worker process {first.pid} was killed by SIGKILL"):
        list(islice(batches, 20))


@pytest.mark.parametrize("number", signals.SIGNALS)
def test_workers_ignore_the_signals_that_the_main_process_handles(number: signal.Signals) -> None:
    loader = PhotoLoader(Photos(), batch_size=2, sampler=RankStridedSampler(start=0), num_workers=2)
    batches = iter(loader)
    numbers = [next(batches)["hr"][:, 0].tolist()]
    for worker in multiprocessing.active_children():
        assert worker.pid is not None
        os.kill(worker.pid, number)
    numbers += [batch["hr"][:, 0].tolist() for batch in islice(batches, 30)]
    assert numbers == [[2 * n, 2 * n + 1] for n in range(31)]


def test_failures_of_workers_become_one_line_and_a_traceback_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UserError) as refused:
        read(Photos("user"))
    assert str(refused.value) == "photo.png is no photo; remove it"
    with caplog.at_level(logging.ERROR), pytest.raises(RunError) as failed:
        read(Photos("mistake"))
    assert str(failed.value) == (
        "a worker process failed: TypeError: a mistake of two lines; data.num_workers=0 shows where, "
        "in the main process"
    )
    (record,) = caplog.records
    assert record.to_file_only
    assert "in happen\n    raise TypeError" in record.getMessage()


def test_without_workers_an_error_stays_as_it_is() -> None:
    with pytest.raises(TypeError, match="a mistake\nof two lines"):
        read(Photos("mistake"), num_workers=0)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_in_training_the_last_batch_stands_in_while_the_processes_agree(num_workers: int) -> None:
    loader = TrainingLoader(
        Photos("mistake"), batch_size=2, sampler=RankStridedSampler(start=0), num_workers=num_workers
    )
    batches = iter(loader)
    numbers = [next(batches)["hr"][:, 0].tolist() for _ in range(6)]
    assert numbers == [[0, 1], [2, 3], [4, 5], [4, 5], [4, 5], [4, 5]]
    assert isinstance(loader.failure, RunError if num_workers else TypeError)
    with pytest.raises(type(loader.failure)) as caught:  # nobody has asked
        list(islice(batches, 20))
    assert caught.value is loader.failure


def test_a_failure_before_the_first_batch_is_raised() -> None:
    with pytest.raises(RunError, match="a mistake"):
        read(Photos("mistake", n=1), kind=TrainingLoader)


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(workers, "PATIENCE", 0.5)
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_a_run_that_was_asked_to_stop_does_not_wait_for_a_worker_that_hangs(
    fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "requested", lambda: int(signal.SIGTERM))
    loader = PhotoLoader(
        Photos("hang", fifo=fifo), batch_size=2, sampler=RankStridedSampler(start=0), num_workers=2
    )
    with pytest.raises(
        StopRequestedError, match=r"stopped by SIGTERM while no photo came for 0\.5 seconds"
    ) as caught:
        list(islice(loader, 20))
    assert caught.value.signal_number == signal.SIGTERM
    assert len(multiprocessing.active_children()) == 2  # first comes the checkpoint
    started = time.monotonic()
    assert loader._iterator is not None
    loader._iterator._shutdown_workers()  # as Lightning does
    assert multiprocessing.active_children() == []
    assert time.monotonic() - started < 3


READING = """
import multiprocessing, sys, time
from pathlib import Path
from esrgan_train.data.loader import PhotoLoader
from esrgan_train.data.stream import RankStridedSampler
from tests.data.test_workers import Photos
photos = Photos("hang", n=1, fifo=Path(sys.argv[1])) if len(sys.argv) > 1 else Photos()
loader = PhotoLoader(photos, batch_size=1, sampler=RankStridedSampler(start=0), num_workers=2)
batches = iter(loader)
next(batches)
print(*[worker.pid for worker in multiprocessing.active_children()], flush=True)
"""


def start_reading(*arguments: str, then: str = "") -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", READING + then, *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def are_gone(pids: list[int], within: float) -> bool:
    deadline = time.monotonic() + within
    while any(running(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to look for processes in")


@pytest.mark.slow
@needs_proc
def test_a_program_that_keeps_its_loader_ends_though_a_worker_hangs(fifo: Path) -> None:
    process, pids = start_reading(str(fifo))
    assert len(pids) == 2
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert are_gone(pids, within=1)


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("hang", [False, True])
def test_workers_end_when_the_main_process_was_killed(hang: bool, fifo: Path) -> None:
    process, pids = start_reading(*([str(fifo)] if hang else []), then="time.sleep(60)")
    assert len(pids) == 2
    process.kill()
    assert are_gone(pids, within=5)
    process.communicate(timeout=5)


TRACEBACK = """Caught cv2.error in DataLoader worker process 0.
Original Traceback (most recent call last):
  File "worker.py", line 1, in fetch
    sample = dataset[n]
             ^^^^^^^^^^
  File "user.py", line 2, in degrade
    cv2.resize(image, None)
cv2.error: OpenCV(4.11.0) resize.cpp:4152: error: (-215:Assertion failed)
> Overload resolution failed:
>  - Can't parse 'dsize'
"""


def test_the_cause_is_what_follows_the_last_frame_of_a_traceback() -> None:
    assert cause_in(TRACEBACK) == (
        "cv2.error: OpenCV(4.11.0) resize.cpp:4152: error: (-215:Assertion failed) > Overload resolution failed: "
        "> - Can't parse 'dsize'"
    )
    chained = (
        TRACEBACK
        + "\nThe above exception was the direct cause of the following exception:\n\n"
        + ("Traceback (most recent call last):\n  File \"a.py\", line 3, in b\n    c()\nKeyError: 'hr'\n")
    )
    assert cause_in(chained) == "KeyError: 'hr'"
    assert cause_in("no traceback") == "no traceback"


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (
            "RuntimeError: unable to allocate shared memory(shm) for file </torch_>: No space left on device (28)",
            r"failed: unable to allocate .* \(28\); the shared memory \(/dev/shm\) is too small: give "
            r"data\.num_workers=0, or more of it \(docker run --shm-size=1g or --ipc=host\)$",
        ),
        (
            "MemoryError",
            r"failed: MemoryError; memory ran out, most likely: give fewer data\.num_workers, a smaller",
        ),
    ],
)
def test_a_known_cause_comes_with_its_remedy(cause: str, line: str) -> None:
    text = f'Caught X in DataLoader worker process 1.\nTraceback:\n  File "a.py", line 1, in b\n    c()\n{cause}\n'
    error = explained(RuntimeError(text))
    assert isinstance(error, RunError)
    assert re.search(line, str(error)), error


def test_a_worker_that_ends_by_itself_is_reported_too() -> None:
    assert (
        death(7, 3)
        == "worker process 7 ended by itself with status 3; data.num_workers=0 shows where, in the main process"
    )
