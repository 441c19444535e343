"""What a check found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from esrgan_train.cli import mistakes, one_line
from esrgan_train.errors import RunError

# ``failed``: the check could not be carried out, which says nothing about the run.
Status = Literal["ok", "note", "problem", "failed"]


class Finding(NamedTuple):
    """One line of the report."""

    check: str  # a word
    status: Status
    what: str  # was found, with its figures
    remedy: str = ""  # what to do or to type; empty where nothing is to be done, or ``what`` says it
    details: tuple[str, ...] = ()  # each photo or pair that is meant


Check = Callable[[], Iterator[Finding]]


def carried_out(name: str, check: Check) -> Iterator[Finding]:
    """The findings of ``check``; a user's mistake becomes a problem, any other failure is reported."""
    try:
        yield from check()
    except mistakes() as error:
        yield Finding(name, "problem", one_line(error))
    except RunError as error:
        yield Finding(name, "failed", one_line(error))
    except Exception as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        what = f"this check failed: {type(error).__name__}: {one_line(error)}"
        yield Finding(name, "failed", what, "HYDRA_FULL_ERROR=1 shows where; the other checks stand")
