"""The worker processes of a loader: how they start, are waited for, fail and end."""

from __future__ import annotations

import atexit
import errno
import logging
import multiprocessing
import os
import signal
import sys
import threading
import weakref
from collections.abc import Iterable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader
from torch.utils.data._utils.signal_handling import _remove_worker_pids  # type: ignore[attr-defined]
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from esrgan_train import signals
from esrgan_train.errors import RunError, StopRequestedError, UserError

log = logging.getLogger(__name__)

PATIENCE = 5.0  # seconds for which a worker that reads is waited for when the run is to end
_LOOK_EVERY = 0.5  # seconds, while a batch is waited for

_LESS_MEMORY = (
    "memory ran out, most likely: give fewer data.num_workers, a smaller data.cache_mb or data.batch_size"
)
_SHARED_MEMORY = (
    "the shared memory (/dev/shm) is too small: give data.num_workers=0, or more of it "
    "(docker run --shm-size=1g or --ipc=host)"
)
_LOOK_CLOSER = "data.num_workers=0 shows where, in the main process"
_DEATHS = {"SIGKILL": _LESS_MEMORY, "SIGBUS": _SHARED_MEMORY}


def start_method() -> Literal["fork"] | None:
    """How workers are started; None for what is usual on the system.

    A forked worker shares the loaded modules and the table of paths with the main process, so that it starts at
    once and its memory does not grow with the number of photos. Of the main process's threads none lives on in
    it: a worker must not wait for what another thread may have held, so it runs one thread, writes no log, and
    never touches CUDA. The system libraries of macOS do not survive a fork.
    """
    return None if sys.platform in ("win32", "darwin") else "fork"


def start_worker(worker_id: int) -> None:  # noqa: ARG001 (torch passes it)
    """Set up a worker: one thread, and no reaction to the signals that a whole process group gets.

    OpenCV is single-threaded everywhere, see esrgan_train.images. The worker ends when the main process is killed.
    """
    torch.set_num_threads(1)
    signals.ignore()
    threading.Thread(target=_end_with_parent, name="end_with_parent", daemon=True).start()


def _end_with_parent() -> None:
    # torch also checks for the parent, but not while a photo is read, nor if it was gone before the first check
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


class WorkerIterator(_MultiProcessingDataLoaderIter):
    """torch's iterator over the batches of worker processes, ending better.

    - A worker that died is noticed when a batch is fetched, between two iterations. torch also raises from a
      signal handler, whatever the main process is doing.
    - When the run was asked to stop, a batch is waited for ``PATIENCE`` and no longer.
    - At the end, stuck workers are killed after ``PATIENCE``, all at once: they ignore SIGTERM.

    Raises:
        RunError: on fetching, a worker died.
        StopRequestedError: on fetching, no batch comes, and a signal has asked the run to stop.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._waited = 0.0
        with signals.held_back():  # torch lets a worker die of SIGTERM until ``start_worker``
            super().__init__(loader)
        _remove_worker_pids(id(self))
        self._worker_pids_set = False
        _open.add(self)

    def _try_get_data(self, timeout: float = _LOOK_EVERY) -> tuple[bool, Any]:
        self._look_after_workers()
        try:
            came, data = super()._try_get_data(timeout)  # type: ignore[no-untyped-call]
        except (OSError, EOFError, RuntimeError):  # a lost connection may be seen before the death behind it
            dying = wait([worker.sentinel for worker in self._workers], timeout=1)
            for worker in self._workers:
                if worker.sentinel in dying:
                    worker.join()
            self._look_after_workers()
            raise
        self._waited = 0.0 if came else self._waited + timeout
        number = signals.requested()
        if self._waited >= PATIENCE and number:
            name = signal.Signals(number).name
            raise StopRequestedError(f"stopped by {name} while no photo came for {PATIENCE:g} seconds", number)
        return came, data

    def _look_after_workers(self) -> None:
        for worker in self._workers:
            if worker.exitcode is not None:
                raise RunError(death(worker.pid, worker.exitcode))

    def end_at_once(self) -> None:
        """Kill the workers, whatever they are doing; nothing more can be fetched."""
        _kill(self._workers)

    def _shutdown_workers(self) -> None:
        if not hasattr(self, "_workers"):  # they could not even be started
            return
        workers = [worker for worker in self._workers if worker.is_alive()]
        killer = threading.Timer(PATIENCE, _kill, [workers])
        if workers:
            killer.start()
        super()._shutdown_workers()
        killer.cancel()


_open: weakref.WeakSet[WorkerIterator] = weakref.WeakSet()


@atexit.register
def _kill_all() -> None:
    # multiprocessing, which would wait for them after a SIGTERM, has registered before and so comes later
    for iterator in _open:
        _kill(iterator._workers)


def _kill(workers: Iterable[BaseProcess]) -> None:
    for worker in workers:
        worker.kill()


def explained(error: Exception) -> Exception:
    """An error of a worker in one line, others as they are.

    A ``UserError`` stays one; anything else becomes a ``RunError``, and its traceback goes to train.log.
    """
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # a loader writes nothing else
        return RunError(f"worker processes cannot be started ({error.strerror}); {_SHARED_MEMORY}")
    text = str(error)
    if "in DataLoader worker process" not in text:
        return error
    cause = cause_in(text)
    if isinstance(error, UserError):
        return UserError(cause.partition(": ")[2])
    log.error("a worker process failed: %s", text, extra={"to_file_only": True})
    return RunError(f"a worker process failed: {cause.removeprefix('RuntimeError: ')}; {_remedy(cause)}")


def cause_in(traceback: str) -> str:
    """``class: message`` of a formatted traceback, in one line: what follows its last frame."""
    lines = traceback.strip().splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith('  File "')]
    after = lines[frames[-1] + 1 if frames else 0 :]
    while len(after) > 1 and after[0].startswith("    "):  # the frame's source, and marks below it
        after.pop(0)
    return " ".join(" ".join(after).split())


def death(pid: int | None, exit_code: int) -> str:
    """How a worker process ended, from its exit code, and what to do."""
    if exit_code >= 0:
        return f"worker process {pid} ended by itself with status {exit_code}; {_LOOK_CLOSER}"
    name = signal.Signals(-exit_code).name
    return f"worker process {pid} was killed by {name}; {_DEATHS.get(name, _LOOK_CLOSER)}"


def _remedy(cause: str) -> str:
    if "shared memory" in cause or "</torch_" in cause:  # torch's files there
        return _SHARED_MEMORY
    if cause.startswith("MemoryError") or "Cannot allocate memory" in cause:
        return _LESS_MEMORY
    return _LOOK_CLOSER
