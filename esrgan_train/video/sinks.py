"""Where enlarged pictures go, if not into a clip: numbered files, or an animation."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np
from PIL import Image

from esrgan_train.errors import UserError
from esrgan_train.images.photo import Photo, check_format, write_photo
from esrgan_train.video.shot import Shot


class Sink(Protocol):
    """Takes enlarged pictures one after the other."""

    def __enter__(self) -> Sink: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, size: tuple[int, int], *, deep: bool) -> None:
        """Refuse what cannot be written, before anything is enlarged; ``size`` is width and height."""

    def write(self, photo: Photo, shot: Shot) -> None:
        """Take the enlargement of a shot."""

    def copy(self, packet: Any) -> None:
        """Take a packet of sound or subtitles."""


class NumberedWriter:
    """Files ``000001.png`` and on: their names sort as the pictures follow each other; sound has no place."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix, self.count = folder, suffix, 0

    def __enter__(self) -> NumberedWriter:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, size: tuple[int, int], *, deep: bool) -> None:
        """See ``Sink``."""
        pixel = np.zeros((1, 1, 3), np.uint16 if deep else np.uint8)
        check_format(self._name(1), Photo(pixel, None, False, None, False), size)

    def write(self, photo: Photo, shot: Shot) -> None:  # noqa: ARG002 — numbers say the order
        """See ``Sink``."""
        self.count += 1
        write_photo(self._name(self.count), photo)

    def copy(self, packet: Any) -> None:
        """Nothing: pictures have no sound."""

    def _name(self, number: int) -> Path:
        return self.folder / f"{number:06d}.{self.suffix}"


class AnimationWriter:
    """A GIF (256 colours a picture), or an APNG or WebP, which lose nothing; in memory until its end."""

    def __init__(self, path: Path, shown_as: Path) -> None:
        self.path, self.shown_as = path, shown_as
        self.images: list[Image.Image] = []
        self.shots: list[Shot] = []

    def __enter__(self) -> AnimationWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self.images:
            self._save()

    def begin(self, size: tuple[int, int], *, deep: bool) -> None:
        """See ``Sink``."""
        if deep:
            raise UserError(f"{self.shown_as}: {self.shown_as.suffix} holds 8 bits a channel; give .mkv")
        if self.shown_as.suffix.lower() == ".webp" and max(size) > 16383:
            raise UserError(f"{self.shown_as}: .webp holds 16383 pixels a side, not {max(size)}; give .apng")

    def write(self, photo: Photo, shot: Shot) -> None:
        """See ``Sink``."""
        samples = photo.rgb if photo.alpha is None else np.dstack([photo.rgb, photo.alpha])
        self.images.append(Image.fromarray(samples))
        self.shots.append(Shot(photo=_NONE, start=shot.start, seconds=shot.seconds))

    def copy(self, packet: Any) -> None:
        """Nothing: animations have no sound."""

    def _save(self) -> None:
        kind = {".gif": "GIF", ".webp": "WEBP"}.get(self.shown_as.suffix.lower(), "PNG")
        of_kinds: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "GIF": {"disposal": 2}}
        self.images[0].save(
            self.path,
            format=kind,
            save_all=True,
            append_images=self.images[1:],
            duration=self._durations(10 if kind == "GIF" else 1),
            loop=0,
            **of_kinds.get(kind, {}),
        )

    def _durations(self, step: int) -> list[int]:
        """Milliseconds of each picture, multiples of ``step``; rounded so that their sums do not drift."""
        starts = [shot.start for shot in self.shots]
        last = self.shots[-1].seconds or (starts[-1] - starts[-2] if len(starts) > 1 else Fraction(1, 10))
        places = [round(1000 * start / step) for start in (*starts, starts[-1] + last)]
        return [step * max(1, after - place) for place, after in pairwise(places)]


_NONE = Photo(np.zeros((1, 1, 3), np.uint8), None, False, None, False)
