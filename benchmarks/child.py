"""What is measured in a separate process, and the memory that such a process reports."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

from esrgan_train.errors import RunError

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def start_child(measure: Callable[..., Any], *arguments: Any, **environment: str) -> Future[Any]:
    """A fresh process that calls ``measure``, a function of a module."""
    with patch.dict(os.environ, environment):
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        result = pool.submit(measure, *arguments)
    pool.shutdown(wait=False)  # the process ends when it is done
    return result


def result_of(child: Future[Any], name: str) -> Any:
    """What the child returns, once it has ended; ``name`` says what it measured.

    Raises:
        RunError: it failed.
    """
    try:
        return child.result()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise RunError(f"a process of the benchmark failed ({name}): {reason}") from error


def has_peak_memory() -> bool:
    """Whether this system reports a process's peak memory, and lets it be reset."""
    return _STATUS.is_file() and _FORGET.exists()


def held_memory() -> int:
    """Bytes that this process holds now."""
    return _status("VmRSS")


def peak_memory() -> int:
    """Bytes: the most that this process has held since ``forget_peak``."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Reset ``peak_memory`` to what is held now."""
    _FORGET.write_text("5")


def _status(key: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    return int(lines[key].split()[0]) * 1024
