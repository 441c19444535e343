"""What a command prints, and train.log."""

from __future__ import annotations

import io
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import rich

from esrgan_train.files import reporting_failure
from esrgan_train.remote.url import masked

_ROOT = logging.getLogger()


class ConsoleHandler(logging.Handler):
    """Prints through rich's console, so that lines appear above a progress bar and not across it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Leave out what the command itself will print."""
        return not getattr(record, "to_file_only", False) and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Print the message; warnings and errors say what they are."""
        prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        text = f"{prefix}{masked(record.getMessage())}"
        show(text, markup=False, highlight=False, soft_wrap=True)


def show(what: Any, **options: Any) -> None:
    """Print through rich's console, which may be a file on a full disk."""
    with reporting_failure("what this command prints"):
        rich.get_console().print(what, **options)


class LogFile(logging.Handler):
    """Appends each record to a file, which a full disk may keep from growing for a while.

    The file is opened for each record: an open one would keep what did not fit, and fail again when it is closed.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or report on the console that the file cannot be written."""
        text = masked(self.format(record))
        with reporting_failure(str(self.path)), self.path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")


def set_up_console() -> None:
    """Send the project's messages, Lightning's warnings and Python's warnings to the console."""
    escape_unknown_letters()
    _ROOT.handlers = [h for h in _ROOT.handlers if not isinstance(h, ConsoleHandler)]
    _ROOT.addHandler(ConsoleHandler())
    for name in ("esrgan_train", "__main__"):  # a command's own module goes by the second name
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    # Lightning calls torch in a way that is deprecated; users can do nothing about it.
    warnings.filterwarnings("ignore", message=r"`isinstance\(treespec, LeafSpec\)`", category=FutureWarning)
    for name in ("lightning.pytorch", "lightning.fabric"):
        library = logging.getLogger(name)
        library.handlers.clear()  # it brings its own, which would print across the progress bar
        library.propagate = True
        library.setLevel(logging.WARNING)  # its INFO lines repeat what this program says of the device


def escape_unknown_letters() -> None:
    """Print a letter that the console's encoding lacks, such as one of a file's name in cp1252, as an escape.

    Otherwise that one letter would end a run.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def silence_console() -> None:
    """Print nothing but errors: the first process prints the rest."""
    for handler in _ROOT.handlers:
        if isinstance(handler, ConsoleHandler):
            handler.setLevel(logging.ERROR)


def add_log_file(path: Path) -> logging.Handler:
    """Write the same messages, with times and tracebacks, to ``path``; appends. Returns the handler."""
    handler = LogFile(path)
    _ROOT.addHandler(handler)
    return handler


def remove_log_file(handler: logging.Handler) -> None:
    """Stop writing to the file of ``add_log_file``."""
    _ROOT.removeHandler(handler)
    handler.close()
