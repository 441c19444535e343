"""What is measured in a separate process."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

from esrgan_train.errors import RunError


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
