"""Photos enlarged one after the other, while the next one is read and the last one written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from rich.console import Console
from rich.progress import Progress

from esrgan_train.errors import RunError, UserError
from esrgan_train.images.photo import Photo, check_format, read_photo, write_photo
from esrgan_train.inference.failures import naming
from esrgan_train.inference.memory import give_back
from esrgan_train.inference.photos import compare, enlarge, final_size, resize
from esrgan_train.inference.upscaler import Upscaler

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Batch:
    """Enlarges photos and counts them; one that fails goes to ``report``, and the others are done.

    ``scale`` is the final enlargement, by resizing; None keeps the upscaler's. ``self_check`` first compares tiles
    with the whole picture. ``pixels`` counts those of the files written.
    """

    upscaler: Upscaler
    scale: float | None
    self_check: bool
    report: Callable[[Exception], object]
    done: int = 0
    failed: int = 0
    pixels: int = 0

    def run(self, targets: Mapping[Path, Path]) -> None:
        """Enlarge each photo into its target; no more than three of them are in memory."""
        with (
            ThreadPoolExecutor(1) as reader,
            ThreadPoolExecutor(1) as writer,
            Progress(console=Console(stderr=True), transient=True) as progress,
        ):
            bar = progress.add_task("upscaling", total=len(targets))
            writing: Future[int] | None = None
            for (source, target), reading in zip(targets.items(), _read_ahead(reader, list(targets)), strict=True):
                enlarged = self._attempt(self._enlarged, reading, source, target)
                self._count(writing)
                writing = None if enlarged is None else writer.submit(_write, target, enlarged)
                progress.advance(bar)
            self._count(writing)

    def _enlarged(self, reading: Future[Photo], source: Path, target: Path) -> Photo:
        photo, upscaler, scale = reading.result(), self.upscaler, self.scale
        if photo.several:
            log.warning("%s holds several pictures: only the first is enlarged", source)
        height, width = photo.rgb.shape[:2]
        check_format(target, photo, final_size(width, height, scale or upscaler.scale))
        with naming(source, "enlarging", upscaler.memory_remedy):
            if self.self_check:
                log.info("%s: %s", source, compare(upscaler, photo))
            enlarged = enlarge(upscaler, photo)
        if scale is None or scale == upscaler.scale:
            return enlarged
        with naming(source, f"resizing to --scale {scale:g}", "give a smaller --scale"):
            return resize(enlarged, final_size(width, height, scale))

    def _attempt(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What ``work`` returns; None if it fails, which is reported and counted."""
        try:
            return work(*args, **kwargs)
        except (UserError, RunError) as error:
            self.report(error)
            self.failed += 1
        give_back()  # the next photos may need what this one took
        return None

    def _count(self, writing: Future[int] | None) -> None:
        """Wait until a photo is written, and count it."""
        if writing is not None and (pixels := self._attempt(writing.result)) is not None:
            self.done += 1
            self.pixels += pixels


def _read_ahead(reader: ThreadPoolExecutor, sources: list[Path]) -> Iterator[Future[Photo]]:
    """Each photo in its turn, while the next one is being read."""
    following: Future[Photo] | None = None
    for source, after in zip(sources, [*sources[1:], None], strict=True):
        reading = following or reader.submit(_read, source)
        following = None if after is None else reader.submit(_read, after)
        yield reading


def _read(path: Path) -> Photo:
    with naming(path, "reading", "give a smaller photo, or free some memory"):
        return read_photo(path)


def _write(target: Path, photo: Photo) -> int:
    with naming(target, "writing", "give a smaller photo or --scale, or free some memory"):
        write_photo(target, photo)
    return int(photo.rgb.shape[0] * photo.rgb.shape[1])
