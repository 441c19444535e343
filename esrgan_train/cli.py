"""How every command reports a mistake: one line on stderr, and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from esrgan_train.errors import RunError, StopRequestedError, UserError
from esrgan_train.logs import set_up_console

DONE, FAILED, WRONG_INPUT = 0, 1, 2

MISTAKES = (UserError, HydraException, OmegaConfBaseException)


def run_command(command: Callable[[], int]) -> int:
    """The command's exit status; a user's mistake, or a foreseen failure, is reported in one line."""
    set_up_console()
    try:
        return command()
    except (*MISTAKES, RunError, StopRequestedError) as error:
        return report_error(error)


def report_error(error: BaseException, *, job: str = "") -> int:
    """Print the error as one line, after the name of a sweep's job; the exit status it stands for."""
    if job:
        print(f"{job}: ", end="", file=sys.stderr)
    if isinstance(error, StopRequestedError):
        print(one_line(error), file=sys.stderr)
        return 128 + error.signal_number if error.signal_number else DONE
    if isinstance(error, (*MISTAKES, RunError)):
        print(f"error: {one_line(error)}", file=sys.stderr)
        return FAILED if isinstance(error, RunError) else WRONG_INPUT
    print(f"error: {type(error).__name__}: {one_line(error)} (HYDRA_FULL_ERROR=1 shows where)", file=sys.stderr)
    return FAILED


def one_line(error: BaseException) -> str:
    """The message without line breaks, and without the search path that Hydra adds; with OmegaConf's reason."""
    text = str(error).partition("Config search path:")[0]
    if isinstance(error, HydraException) and isinstance(error.__cause__, OmegaConfBaseException):
        text = f"{text}: {str(error.__cause__).partition(chr(10))[0]}"
    return " ".join(text.split())
