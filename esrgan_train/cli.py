"""How every command reports a mistake: one line on stderr, and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable

from esrgan_train.errors import RunError, StopRequestedError, UserError, user_error_in
from esrgan_train.logs import set_up_console
from esrgan_train.remote.url import masked

DONE, FAILED, WRONG_INPUT = 0, 1, 2

_HYDRA, _OMEGACONF = ("hydra.errors", "HydraException"), ("omegaconf.errors", "OmegaConfBaseException")


def mistakes() -> tuple[type[BaseException], ...]:
    """Errors that are the user's; those of Hydra and OmegaConf can only come where these are loaded."""
    return (UserError, *_loaded(_HYDRA), *_loaded(_OMEGACONF))


def _loaded(place: tuple[str, str]) -> tuple[type[BaseException], ...]:
    """The class of that module and name, if the module is loaded."""
    module, name = place
    return (getattr(sys.modules[module], name),) if module in sys.modules else ()


def run_command(command: Callable[[], int]) -> int:
    """The command's exit status; a user's mistake, or a foreseen failure, is reported in one line."""
    set_up_console()
    try:
        return command()
    except Exception as error:
        if not isinstance(error, (*mistakes(), RunError, StopRequestedError)):
            raise
        return report_error(error)


def report_error(error: BaseException, *, job: str = "") -> int:
    """Print the error as one line, after the name of a sweep's job; the exit status it stands for."""
    if job:
        print(f"{job}: ", end="", file=sys.stderr)
    if isinstance(error, StopRequestedError):
        print(one_line(error), file=sys.stderr)
        return 128 + error.signal_number if error.signal_number else DONE
    if isinstance(error, (*mistakes(), RunError)):
        if not getattr(error, "said", False):
            print(f"error: {one_line(error)}", file=sys.stderr)
        return FAILED if isinstance(error, RunError) else WRONG_INPUT
    print(f"error: {type(error).__name__}: {one_line(error)} (HYDRA_FULL_ERROR=1 shows where)", file=sys.stderr)
    return FAILED


def one_line(error: BaseException) -> str:
    """The message in one line, without credentials and the search path of Hydra; with OmegaConf's reason."""
    if isinstance(error, _loaded(_OMEGACONF)):
        error = user_error_in(error) or error
    text = str(error).partition("Config search path:")[0]
    cause = error.__cause__
    if isinstance(error, _loaded(_HYDRA)) and isinstance(cause, _loaded(_OMEGACONF)):
        text = f"{text}: {str(cause).partition(chr(10))[0]}"
    return masked(" ".join(text.split()))
