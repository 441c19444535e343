"""What went wrong in a worker process, in one line: the cause first, then what to do."""

from __future__ import annotations

import errno
import logging
import signal

from esrgan_train.errors import RunError, UserError

log = logging.getLogger(__name__)

_LESS_MEMORY = (
    "memory ran out, most likely: give fewer data.num_workers, a smaller data.cache_mb or data.batch_size"
)
_SHARED_MEMORY = (
    "the shared memory (/dev/shm) is too small: give data.num_workers=0, or more of it "
    "(docker run --shm-size=1g or --ipc=host)"
)


def explained(error: Exception) -> Exception:
    """``error`` as it is, or as one line if it comes from a worker, with the worker's traceback in its text.

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
    return RunError(
        f"a worker process failed: {cause.removeprefix('RuntimeError: ')}; {_remedy(cause) or _LOOK_CLOSER}"
    )


def cause_in(traceback: str) -> str:
    """``class: message`` of a formatted traceback, as one line: what follows the last of its frames."""
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


def _remedy(cause: str) -> str | None:
    if "shared memory" in cause or "</torch_" in cause:  # torch's files there
        return _SHARED_MEMORY
    if cause.startswith("MemoryError") or "Cannot allocate memory" in cause:
        return _LESS_MEMORY
    return None


_LOOK_CLOSER = "data.num_workers=0 shows where, in the main process"
_DEATHS = {"SIGKILL": _LESS_MEMORY, "SIGBUS": _SHARED_MEMORY}
