"""When another process of the run has ended: the message, then NCCL, then the teardown; and an end in any case."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.distributed as dist
from lightning import LightningModule
from torch.utils.data import DataLoader

from esrgan_train import lost_process
from esrgan_train.cli import report_error
from esrgan_train.errors import LostProcessError, UserError
from esrgan_train.lost_process import Farewell, reporting_lost_process, watch
from esrgan_train.processes import all_reduce_sum
from tests.tiny import quiet_trainer

CLOSED = RuntimeError("[pair.cc:534] Connection closed by peer [127.0.0.1]:4242")


class FakeNCCL:
    """In place of NCCL's part of a process group: notes that it is aborted, or hangs in it."""

    def __init__(self, events: list[str], *, hangs: bool = False) -> None:
        self.events, self.hangs = events, hangs

    def abort(self) -> None:
        self.events.append("abort")
        if self.hangs:
            threading.Event().wait()


class Events(logging.Handler):
    """Notes the messages of a log among other events."""

    def __init__(self, events: list[str]) -> None:
        super().__init__()
        self.events = events

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            self.events.append("message")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What happens, in its order; the farewell is one of its own."""
    found: list[str] = []
    handler = Events(found)
    logging.getLogger("esrgan_train").addHandler(handler)
    monkeypatch.setattr(lost_process, "farewell", Farewell())
    monkeypatch.setattr(lost_process, "nccl_backend", lambda: FakeNCCL(found))
    monkeypatch.setattr(lost_process, "_ABORT_SECONDS", 0.05)
    monkeypatch.setattr(lost_process.os, "_exit", lambda status: found.append(f"exit {status}"))
    yield found
    logging.getLogger("esrgan_train").removeHandler(handler)


def lose() -> None:
    with reporting_lost_process():
        raise CLOSED


def test_the_message_comes_first_then_nccl_is_aborted_then_the_trainer_tears_down(
    events: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Losing(LightningModule):
        def training_step(self, batch: Any) -> None:
            lose()

        def configure_optimizers(self) -> None:
            pass

    trainer = quiet_trainer(max_steps=3)
    monkeypatch.setattr(trainer.strategy, "teardown", lambda: events.append("teardown"))
    with lost_process.farewell.of_run(), pytest.raises(LostProcessError, match="Connection closed by peer"):
        trainer.fit(Losing(), DataLoader([0.0]))
    assert events == ["message", "abort", "teardown"]
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "has ended" in line]
    assert line.startswith(
        "error: another process of this run has ended or does not answer, so this one cannot continue ("
    )
    assert line.endswith("see its last lines; ending, in 60 seconds at the latest")


def test_the_line_gives_the_reason_without_the_place_in_the_library() -> None:
    closed = "[/src/gloo/tcp/pair.cc:561] Connection closed by peer [10.0.0.2]:4242. This is typically caused by"
    assert str(lost_process.lost_process(RuntimeError(closed))) == (
        "another process of this run has ended or does not answer, so this one cannot continue "
        "(Connection closed by peer [10.0.0.2]:4242): see its last lines"
    )


@pytest.mark.usefixtures("events")
def test_the_line_is_printed_once(capfd: pytest.CaptureFixture[str]) -> None:
    with lost_process.farewell.of_run():
        for _ in range(2):
            with pytest.raises(LostProcessError) as lost:
                lose()
    assert report_error(lost.value) == 1
    assert report_error(LostProcessError("before the run")) == 1
    first, second = capfd.readouterr().err.splitlines()
    assert "Connection closed by peer" in first
    assert second == "error: before the run"


def test_a_teardown_that_hangs_ends_with_the_process(events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_process, "SECONDS", 0.02)
    with lost_process.farewell.of_run():
        with pytest.raises(LostProcessError):
            lose()
        wait_for(events, "exit 1")  # the teardown would hang here
    assert events == ["message", "abort", "exit 1"]


def test_an_abort_that_hangs_does_not_keep_the_process(events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_process, "nccl_backend", lambda: FakeNCCL(events, hangs=True))
    monkeypatch.setattr(lost_process, "SECONDS", 0.2)
    with lost_process.farewell.of_run(), pytest.raises(LostProcessError):
        lose()
    wait_for(events, "exit 1")  # after the teardown, too: the GPU may hang at the end of Python
    assert events == ["message", "abort", "exit 1"]


def test_after_a_teardown_the_process_belongs_to_the_caller(
    events: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Timer(threading.Timer):
        def start(self) -> None:
            started.append(self)

    started: list[Timer] = []
    monkeypatch.setattr(lost_process.threading, "Timer", Timer)
    with lost_process.farewell.of_run(), pytest.raises(LostProcessError):
        lose()
    (timer,) = started
    assert timer.finished.is_set()  # it is cancelled
    with lost_process.farewell.of_run():  # another run
        all_reduce_sum(torch.zeros(1))
    lost_process.farewell.begin(LostProcessError("a process of a run that is over"))
    assert events == ["message", "abort"]


def test_what_is_computed_after_an_abort_is_passed_on_to_nobody(events: list[str]) -> None:
    with lost_process.farewell.of_run():
        with pytest.raises(LostProcessError):
            lose()
        with pytest.raises(LostProcessError):
            all_reduce_sum(torch.zeros(1))
        with pytest.raises(LostProcessError):
            lose()
    assert events == ["message", "abort"]  # once


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("CUDA error: device-side assert triggered"),
        NotImplementedError("no such operation"),
        UserError("a wrong option"),
        OSError(28, "No space left on device"),
    ],
    ids=repr,
)
def test_an_error_of_this_process_is_not_blamed_on_another(events: list[str], error: Exception) -> None:
    with pytest.raises(type(error)) as raised, reporting_lost_process():
        raise error
    assert raised.value is error
    assert events == []


@pytest.mark.parametrize(
    "error", [CLOSED, dist.DistNetworkError("timed out"), dist.DistBackendError("NCCL error: remote error")]
)
def test_a_failed_connection_is(events: list[str], error: Exception) -> None:
    with lost_process.farewell.of_run(), pytest.raises(LostProcessError), reporting_lost_process():
        raise error
    assert events == ["message", "abort"]


def test_an_exchange_that_fails_is_noticed_while_the_process_waits_for_something_else(events: list[str]) -> None:
    class Work:
        def __init__(self) -> None:
            self.future: torch.futures.Future[Any] = torch.futures.Future()

        def get_future(self) -> torch.futures.Future[Any]:
            return self.future

    good, bad = Work(), Work()
    with lost_process.farewell.of_run():
        watch(good)
        watch(bad)
        good.future.set_result(torch.zeros(1))
        assert events == []
        bad.future.set_exception(CLOSED)
        assert events == ["message", "abort"]


def test_only_nccl_is_aborted(tmp_path: Any) -> None:
    assert lost_process.nccl_backend() is None  # there is no group
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        assert lost_process.nccl_backend() is None
    finally:
        dist.destroy_process_group()


def wait_for(events: list[str], event: str) -> None:
    limit = time.monotonic() + 10
    while event not in events and time.monotonic() < limit:
        time.sleep(0.005)
    assert event in events


HANGING = """
import os, signal, sys, time
import torch.distributed as dist
from esrgan_train import lost_process
from esrgan_train.processes import Agreement
rank = int(sys.argv[1])
dist.init_process_group("gloo", init_method=f"file://{sys.argv[2]}", rank=rank, world_size=2)
lost_process.SECONDS = 3.0
with lost_process.farewell.of_run():
    agreement = Agreement()
    agreement.exchange(0)
    if rank == 1:
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    agreement.exchange(0)  # the other one never answers
    print("waiting", flush=True)
    time.sleep(60)  # as behind a kernel that waits for the other process
"""


@pytest.mark.slow
@pytest.mark.run
def test_a_process_that_hangs_behind_a_dead_one_says_so_and_ends(tmp_path: Any) -> None:
    started = time.monotonic()
    command = [sys.executable, "-c", HANGING]
    other = subprocess.Popen([*command, "1", f"{tmp_path}/store"])
    done = subprocess.run(
        [*command, "0", f"{tmp_path}/store"], capture_output=True, text=True, timeout=50, check=False
    )
    other.wait()
    assert (done.returncode, done.stdout) == (1, "waiting\n")
    assert "error: another process of this run has ended" in done.stderr
    assert "ending, in 3 seconds at the latest" in done.stderr
    assert time.monotonic() - started < 45
