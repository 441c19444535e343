"""How far the photos are: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import rich
from rich.progress import BarColumn, Progress, TextColumn

log = logging.getLogger(__name__)

_LINE_INTERVAL = 30.0  # seconds between lines where no bar can be drawn


class Counter:
    """Shows how many of the photos are done, how many a second, and the time left."""

    def __init__(self, what: str, total: int, done: int, bar: Progress | None) -> None:
        self.what = what
        self.total = total
        self.before = done  # by an earlier command
        self.started = self.last_line = time.monotonic()
        self.bar = bar
        if bar is not None:
            self.task = bar.add_task(what, total=total, completed=done, figures="")

    def show(self, done: int) -> None:
        """``done`` of the photos are done."""
        now = time.monotonic()
        figures = progress_line(done, self.total, done - self.before, now - self.started)
        if self.bar is not None:
            self.bar.update(self.task, completed=done, figures=figures)
        elif now - self.last_line >= _LINE_INTERVAL:
            self.last_line = now
            log.info("%s %s", self.what, figures)


def progress_line(done: int, total: int, lately: int, seconds: float) -> str:
    """Photos done; behind the first, the rate at which ``lately`` were done in ``seconds``, and the time left."""
    count = f"{done:,}/{total:,} photos"
    if lately <= 0 or seconds <= 0:
        return count
    rate = lately / seconds
    left = timedelta(seconds=round((total - done) / rate))
    return f"{count}, {rate:,.1f}/s, {left} left"


@contextmanager
def counting(what: str, total: int, done: int = 0) -> Iterator[Counter]:
    """A counter, drawn as long as the block lasts."""
    console = rich.get_console()
    if not console.is_terminal:
        yield Counter(what, total, done, None)
        return
    columns = TextColumn("{task.description}"), BarColumn(24), TextColumn("{task.fields[figures]}")
    with Progress(*columns, console=console, transient=True) as bar:
        yield Counter(what, total, done, bar)
