"""A quick look at the photographs before anything else starts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from esrgan_train.data.mixture import Mixture
from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError, read_header
from esrgan_train.images.find import PathTable

log = logging.getLogger(__name__)

Photos = PathTable | Mixture

MAX_LOOKED_AT = 1000  # headers; a fraction of a second on a disk, some seconds over a network

_SSIM_WINDOW = 11  # pixels that must be left inside the border that metrics cut off


class Preflight(NamedTuple):
    """What a look at the headers of some photos, spread evenly, found."""

    looked_at: int
    small: int  # whose shorter side is below the window
    unreadable: Sequence[UnreadableImageError]
    several: int = 0  # that hold further pictures: animations, pages
    large: int = 0  # of which validation takes the middle

    def tell_unreadable(self, what: str) -> None:
        """Log how many of ``what`` cannot be read, with the first; train.log names the others too."""
        if not self.unreadable:
            return
        first, *others = self.unreadable
        bad = len(self.unreadable)
        log.warning("%d of %d %s looked at cannot be read; the first: %s", bad, self.looked_at, what, first)
        for error in others:
            log.warning("%s", error, extra={"to_file_only": True})


def spread(count: int) -> Iterator[int]:
    """Up to ``MAX_LOOKED_AT`` of ``count`` positions, evenly spread."""
    return map(int, np.linspace(0, count - 1, min(count, MAX_LOOKED_AT)).astype(int))


def look_at(photos: Photos, *, window_side: int) -> Preflight:
    """Read the headers of up to ``MAX_LOOKED_AT`` photos; pixels are not decoded."""
    small, several, unreadable = 0, 0, []
    for index in spread(len(photos)):
        try:
            header = read_header(photos[index])
        except UnreadableImageError as error:
            unreadable.append(error)
            continue
        small += min(header.size) < window_side
        several += header.several
    return Preflight(min(len(photos), MAX_LOOKED_AT), small, unreadable, several)


def look_at_held_out(photos: Photos, *, upscale: int, max_size: int | None) -> Preflight:
    """Read the headers of up to ``MAX_LOOKED_AT`` held-out photos.

    Args:
        photos: at least one.
        upscale: HR pixels per LR pixel.
        max_size: HR pixels a side above which a photo counts as large; None: never.

    Raises:
        UserError: a photo is too small to be measured.
    """
    least = _SSIM_WINDOW + 3 * upscale  # the border on both sides, and what is lost to whole LR pixels
    large, unreadable = 0, []
    for index in spread(len(photos)):
        try:
            width, height = read_header(photos[index]).size
        except UnreadableImageError as error:
            unreadable.append(error)
            continue
        if min(width, height) < least:
            raise UserError(
                f"{photos[index]} is held out for validation, but {width} × {height} pixels are too few: "
                f"remove it, or give data.val_dir with photos of at least {least} × {least}"
            )
        large += max_size is not None and max(width, height) > max_size
    return Preflight(min(len(photos), MAX_LOOKED_AT), 0, unreadable, large=large)


def check_readable(found: Preflight, *, max_bad_fraction: float, kind: str) -> None:
    """``UserError`` if more than ``max_bad_fraction`` of what was looked at, or all of it, is unreadable."""
    bad = len(found.unreadable)
    if bad and (bad == found.looked_at or bad > max_bad_fraction * found.looked_at):
        raise UserError(
            f"data.max_bad_fraction={max_bad_fraction:g} is exceeded: {bad} of {found.looked_at} {kind} "
            f"photos cannot be read; the first: {found.unreadable[0]}; remove the bad ones or raise the limit"
        )
