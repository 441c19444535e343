"""Waits for a storage that is away for a moment: a trial of hours is not to end with it."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError

from esrgan_train.errors import RunError
from esrgan_train.search.library import optuna

log = logging.getLogger(__name__)

PAUSES = (1, 2, 4, 8, 15, 30, 60, 60, 60)  # seconds between tries

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def patiently(step: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Try a step on the study again for some minutes if its storage cannot be reached.

    Raises:
        RunError: it stays so. Its message repeats nothing of the storage's, in which a password may stand.
    """

    @functools.wraps(step)
    def tried(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        for pause in PAUSES:
            try:
                return step(*args, **kwargs)
            except (OperationalError, optuna().exceptions.StorageInternalError, OSError) as error:
                log.warning(
                    "the study cannot be reached (%s): next try in %d seconds", type(error).__name__, pause
                )
                time.sleep(pause)
        raise RunError("the study cannot be reached: the same command goes on once its storage is back")

    return tried
