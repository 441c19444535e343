"""What a process does when another of its run is lost: it says so, frees its GPU and ends, whatever hangs."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist

from esrgan_train.devices import is_device_error
from esrgan_train.errors import LostProcessError, RunError, UserError

log = logging.getLogger(__name__)

SECONDS = 60.0  # from the message to the end of this process at the latest
_ABORT_SECONDS = 20.0  # for NCCL to give up what runs on the GPU; that may hang, too

_FAILED = 1  # exit status


class Farewell:
    """The end of this process after another one has ended, begun at most once in a run."""

    def __init__(self) -> None:
        self.lost: LostProcessError | None = None
        self.freed = True  # whether nothing is left on the GPU that waits for the other process
        self._running = True
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def begin(self, lost: LostProcessError) -> None:
        """Print the message, end this process in a minute if nothing else does, and abort what runs on the GPU.

        A kernel of NCCL that waits for a process that is gone keeps everything behind it waiting: Lightning's
        teardown, which copies the weights to the host, above all.
        """
        with self._lock:
            if self.lost is not None or not self._running:
                return
            self.lost = lost
            self._timer = threading.Timer(SECONDS, os._exit, (_FAILED,))
            self._timer.daemon = True
            self._timer.start()
        line = f"{lost}; ending, in {SECONDS:.0f} seconds at the latest"
        log.error("%s", line, extra={"to_file_only": True})
        print(f"error: {line}", file=sys.stderr, flush=True)  # here and now, from every process
        lost.said = True
        self.freed = _abort()

    def check(self) -> None:
        """``LostProcessError`` once the farewell has begun: what is computed from then on is worth nothing."""
        if self.lost is not None:
            raise self.lost

    @contextmanager
    def of_run(self) -> Iterator[None]:
        """Around a run and its teardown: processes that end later are missed by nobody.

        The caller has the rest of this process for itself, unless the GPU may still keep it.
        """
        self.lost, self.freed, self._running = None, True, True
        try:
            yield
        finally:
            with self._lock:
                self._running = False
                if self._timer is not None and self.freed:
                    self._timer.cancel()
            self.lost = self._timer = None


farewell = Farewell()


@contextmanager
def reporting_lost_process() -> Iterator[None]:
    """Turn the failure of a collective operation into one line: it fails when another process has ended.

    An error of this process's own GPU stays as it is.

    Raises:
        LostProcessError: the operation failed, or an earlier one did.
    """
    farewell.check()
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, (RunError, UserError, NotImplementedError)) or is_device_error(error):
            raise
        lost = lost_process(error)
        farewell.begin(lost)
        raise farewell.lost or lost from error


def lost_process(error: BaseException) -> LostProcessError:
    """The one line for a collective operation that failed."""
    text = re.sub(r"^(\[\S+:\d+\]\s*)+", "", str(error))  # where in gloo's sources it was raised
    reason = " ".join(re.split(r"\.\s", text)[0].split())[:200]
    return LostProcessError(
        "another process of this run has ended or does not answer, so this one cannot continue "
        f"({reason}): see its last lines"
    )


def watch(work: Any) -> None:
    """Begin the farewell as soon as an operation of gloo fails, even while this process waits for its GPU.

    The GPU waits in NCCL for the process that has ended; nothing but this would end that before NCCL's own limit.
    """
    work.get_future().add_done_callback(_look_at)


def _look_at(future: torch.futures.Future[Any]) -> None:
    try:
        future.value()
    except RuntimeError as error:
        farewell.begin(lost_process(error))


def _abort() -> bool:
    """Abort NCCL's communicator; whether it is aborted, or there is none."""
    backend = nccl_backend()
    if backend is None:
        return True
    aborting = threading.Thread(target=backend.abort, name="abort-nccl", daemon=True)
    aborting.start()
    aborting.join(_ABORT_SECONDS)
    return not aborting.is_alive()


def nccl_backend() -> Any:
    """NCCL's part of the process group; None where something else carries the tensors."""
    if not (dist.is_available() and dist.is_initialized()):
        return None
    try:
        backend = dist.distributed_c10d._get_default_group()._get_backend(torch.device("cuda"))
    except RuntimeError:  # no backend for CUDA
        return None
    return backend if backend.name() == "nccl" else None
