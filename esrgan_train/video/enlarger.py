"""Shots enlarged in their order, several at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from esrgan_train.images.photo import Photo
from esrgan_train.inference.batch import joined, resize, taken_apart
from esrgan_train.inference.failures import naming
from esrgan_train.inference.together import Together
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.video.shot import Shot

log = logging.getLogger(__name__)


class Enlarger:
    """Enlarges the shots among what a clip holds.

    Args:
        name: of the clip, for messages.
        batch: how many shots at a time; None chooses.
        scale: the final enlargement, by resizing; None keeps the upscaler's.
        for_clip: whether sides are made even where shots are resized, as 4:2:0 needs.
        of_one_size: whether shots of another size than the first are brought to that of the first.
    """

    def __init__(
        self,
        upscaler: Upscaler,
        name: str,
        *,
        batch: int | None,
        scale: float | None,
        for_clip: bool,
        of_one_size: bool,
    ) -> None:
        self.upscaler, self.name, self.scale = upscaler, name, scale
        self.step, self.of_one_size = 2 if for_clip else 1, of_one_size
        self._together = Together(upscaler, batch)
        self._first: Photo | None = None  # which says the size, and how many at a time
        self._told = False  # that the size changes
        self._last: tuple[Photo, Photo] | None = None  # enlarged, and of what

    def size_of(self, photo: Photo) -> tuple[int, int]:
        """Width and height of the enlargement."""
        self._first = first = self._first or photo
        height, width = (first if self.of_one_size else photo).rgb.shape[:2]
        if self.scale is None or self.scale == self.upscaler.scale:
            return width * self.upscaler.scale, height * self.upscaler.scale
        width, height = (
            max(self.step, round(side * self.scale / self.step) * self.step) for side in (width, height)
        )
        return width, height

    def batch_for(self, photo: Photo) -> int:
        """How many pictures of this size are enlarged at a time."""
        return self._together.size_for(*photo.rgb.shape[:2])

    def __call__(self, found: Sequence[Any]) -> list[Photo | None]:
        """The enlargement of each shot, once for all that show the same photo; None for anything else."""
        photos = {id(one.photo): one.photo for one in found if isinstance(one, Shot)}
        enlarged: dict[int, Photo] = {}
        if self._last is not None and id(self._last[0]) in photos:
            enlarged[id(self._last[0])] = self._last[1]
        waiting = [photo for key, photo in photos.items() if key not in enlarged]
        for photo, larger in zip(waiting, self._enlarged(waiting), strict=True):
            enlarged[id(photo)], self._last = larger, (photo, larger)
        return [enlarged[id(one.photo)] if isinstance(one, Shot) else None for one in found]

    def _enlarged(self, photos: Sequence[Photo]) -> list[Photo]:
        parts = [taken_apart(photo) for photo in photos]
        with naming(self.name, "enlarging", self.upscaler.memory_remedy):
            larger = iter(self._together([part for each in parts for part in each]))
            made = [
                joined(photo, [next(larger) for _ in each], self.upscaler.scale)
                for photo, each in zip(photos, parts, strict=True)
            ]
            return [self._resized(*pair) for pair in zip(made, photos, strict=True)]

    def _resized(self, enlarged: Photo, photo: Photo) -> Photo:
        size = self.size_of(photo)
        assert self._first is not None
        if self.of_one_size and photo.rgb.shape != self._first.rgb.shape and not self._told:
            height, width = photo.rgb.shape[:2]
            log.warning("%s changes to %d × %d: brought to the size it began with", self.name, width, height)
            self._told = True
        return enlarged if enlarged.rgb.shape[:2] == size[::-1] else resize(enlarged, size)


def gathered(contents: Iterator[Any], batch_for: Callable[[Photo], int]) -> Iterator[list[Any]]:
    """What a clip holds, in lists of as many pictures as are enlarged at a time, which the first one says."""
    most, group, photos = 0, list[Any](), set[int]()
    for found in contents:
        group.append(found)
        if isinstance(found, Shot):
            most = most or batch_for(found.photo)
            photos.add(id(found.photo))
        if len(photos) >= max(1, most):
            yield group
            group, photos = [], set()
    if group:
        yield group
