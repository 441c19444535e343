"""The exceptions that end a command with one line instead of a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """A wrong option, file or device.

    The message is one line that names the option or file, its value, and the remedy. Commands print it
    to stderr without a traceback and exit with status 2.
    """


@contextmanager
def given_as(option: str) -> Iterator[None]:
    """Put the option, such as ``ckpt_path=``, before the file with which the ``UserError`` of a reader begins."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{option}{error}") from error


def user_error_in(error: BaseException | None) -> UserError | None:
    """The ``UserError`` that is, or that a resolver of the configuration raised, however OmegaConf wrapped it."""
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__ or error.__context__
    return error


class RunError(RuntimeError):
    """A run that cannot continue, though its options are right. The message is one line; exit status 1."""


class LostProcessError(RunError):
    """Another process of the run has ended, or does not answer; ``said`` once this has been printed."""

    said = False


class StopRequestedError(RuntimeError):
    """A run that was asked to stop, and has saved. The message says how to resume; exit status 128 + n.

    Args:
        message: one line.
        signal_number: n.
    """

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message, signal_number)
        self.message = message
        self.signal_number = signal_number

    def __str__(self) -> str:
        return self.message


class StopAtOnceError(StopRequestedError):
    """A run that was asked to stop a second time, and has not saved."""
