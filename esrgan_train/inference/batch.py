"""Photos enlarged one after the other, while the next one is read and the last one is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from esrgan_train.errors import RunError, UserError
from esrgan_train.images.photo import Photo, check_format, fill_hidden, read_photo, resize_levels, write_photo
from esrgan_train.inference.failures import naming
from esrgan_train.inference.memory import give_back
from esrgan_train.inference.upscaler import Upscaler

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass
class Batch:
    """Enlarges photos and counts them; one that fails is reported, and the others are done."""

    upscaler: Upscaler
    scale: float | None  # final enlargement, by resizing; None keeps the upscaler's
    self_check: bool  # compare tiles with the whole picture first
    report: Callable[[Exception], object]
    done: int = 0
    failed: int = 0
    pixels: int = 0  # of all files written

    def run(self, targets: Mapping[Path, Path]) -> None:
        """Enlarge each photo into its target; no more than three of them are in memory."""
        with (
            ThreadPoolExecutor(1) as reader,
            ThreadPoolExecutor(1) as writer,
            Progress(console=Console(stderr=True), transient=True) as progress,
        ):
            readings = (reader.submit(_read, source) for source in targets)  # each starts when it is asked for
            following = next(readings, None)
            writing: Future[int] | None = None
            bar = progress.add_task("upscaling", total=len(targets))
            for source, target in targets.items():
                reading, following = following, next(readings, None)
                assert reading is not None
                enlarged = self._attempt(self._enlarged, reading, source, target)
                self._count(writing)
                writing = None if enlarged is None else writer.submit(_write, target, enlarged)
                progress.advance(bar)
            self._count(writing)

    def _enlarged(self, reading: Future[Photo], source: Path, target: Path) -> Photo:
        photo, upscaler, scale = reading.result(), self.upscaler, self.scale or self.upscaler.scale
        if photo.several:
            log.warning("%s holds several pictures: only the first is enlarged", source)
        height, width = (max(1, round(side * scale)) for side in photo.rgb.shape[:2])
        check_format(target, photo, (width, height))
        with naming(source, "enlarging", upscaler.memory_remedy):
            if self.self_check:
                log.info("%s: %s", source, _compare(upscaler, photo))
            enlarged = enlarge(upscaler, photo)
        if scale == upscaler.scale:
            return enlarged
        with naming(source, f"resizing to --scale {scale:g}", "give a smaller --scale"):
            return resize(enlarged, (width, height))

    def _attempt(self, work: Callable[..., T], *arguments: Any) -> T | None:
        """What ``work`` returns; None if it fails, which is reported and counted."""
        try:
            return work(*arguments)
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


def enlarge(upscaler: Upscaler, photo: Photo) -> Photo:
    """Upscale colours and, as a gray picture, transparency; the profile is kept."""
    return joined(photo, [upscaler(image) for image in taken_apart(photo)], upscaler.scale)


def taken_apart(photo: Photo) -> list[NDArray[Any]]:
    """What is upscaled of a photo, each (H, W, 3): its colours, and its transparency where it varies."""
    if photo.alpha is None:
        return [photo.rgb]
    colours = fill_hidden(photo.rgb, photo.alpha)
    return [colours] if _is_plain(photo.alpha) else [colours, np.repeat(photo.alpha[:, :, None], 3, axis=2)]


def joined(photo: Photo, enlarged: Sequence[NDArray[Any]], scale: int) -> Photo:
    """The photo that consists of the enlargements of its parts."""
    colours, *transparency = enlarged
    alpha = transparency[0][:, :, 1] if transparency else None
    if photo.alpha is not None and alpha is None:
        alpha = photo.alpha.repeat(scale, 0).repeat(scale, 1)
    return Photo(colours, alpha, photo.gray, photo.profile, several=False)


def _is_plain(alpha: NDArray[Any]) -> bool:
    return bool((alpha == alpha.flat[0]).all())  # a network would tint it


def resize(photo: Photo, size: tuple[int, int]) -> Photo:
    """Lanczos to ``size`` (width, height), of colours and transparency."""
    alpha = None if photo.alpha is None else resize_levels(photo.alpha[:, :, None], size)[:, :, 0]
    return replace(photo, rgb=resize_levels(photo.rgb, size), alpha=alpha)


def _compare(upscaler: Upscaler, photo: Photo) -> str:
    whole = Upscaler(upscaler.network, device=upscaler.device, precision="32", tile=0, runtime=upscaler.runtime)
    difference = np.abs(upscaler(photo.rgb).astype(np.int64) - whole(photo.rgb))
    return (
        f"tiles of {upscaler.tile} against the whole: {np.count_nonzero(difference)} of {difference.size} "
        f"values differ, at most by {difference.max()} of {np.iinfo(photo.rgb.dtype).max} levels"
    )


def _read(path: Path) -> Photo:
    with naming(path, "reading", "give a smaller photo, or free some memory"):
        return read_photo(path)


def _write(target: Path, photo: Photo) -> int:
    with naming(target, "writing", "give a smaller photo or --scale, or free some memory"):
        write_photo(target, photo)
    return int(photo.rgb.shape[0] * photo.rgb.shape[1])
