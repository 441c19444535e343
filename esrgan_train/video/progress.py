"""The bar of a clip: pictures done, how many a second, and the time left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class _Speed(ProgressColumn):
    """Pictures a second, of late."""

    def render(self, task: Task) -> Text:
        """What the column shows."""
        return Text("" if task.speed is None else f"{task.speed:.2f} pictures/s")


def progress() -> Progress:
    """A bar on stderr, which goes once the clip is done."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)
