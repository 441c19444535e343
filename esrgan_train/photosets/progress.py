"""How much of a file has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import rich
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from esrgan_train.photosets.resume import Show
from esrgan_train.space import shown_bytes

log = logging.getLogger(__name__)

_LINE_INTERVAL = 30.0  # seconds between lines where no bar can be drawn


@contextmanager
def showing(name: str, size: int | None) -> Iterator[Show]:
    """What ``receive`` tells the bytes to, drawn as long as the block lasts; ``size`` if the server says none."""
    console = rich.get_console()
    if not console.is_terminal:
        yield _lines(name, size)
        return
    columns = TextColumn("{task.description}"), BarColumn(24), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=size)
        yield lambda done, total: bar.update(task, completed=done, total=total or size)


def _lines(name: str, size: int | None) -> Show:
    last = time.monotonic()

    def show(done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_INTERVAL:
            last = time.monotonic()
            of = total or size
            log.info("%s: %s%s", name, shown_bytes(done), f" of {shown_bytes(of)}" if of else "")

    return show
