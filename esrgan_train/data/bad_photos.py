"""Which photographs could not be read, known to every process of the loader."""

from __future__ import annotations

import logging

import torch

from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable

log = logging.getLogger(__name__)


class BadPhotos:
    """One shared byte per photo; worker processes set it, the main process reads it.

    Args:
        photos: the training photos.
        max_fraction: share of the photos that may be unreadable, in [0, 1].

    Raises:
        UserError: ``max_fraction`` is out of bounds.
    """

    def __init__(self, photos: PathTable, *, max_fraction: float) -> None:
        if not isinstance(max_fraction, (int, float)) or not 0 <= max_fraction <= 1:
            raise UserError(f"data.max_bad_fraction={max_fraction!r}: give a number from 0 to 1, such as 0.1")
        self.photos = photos
        self.max_fraction = max_fraction
        self._bad = torch.zeros(len(photos), dtype=torch.uint8)
        self._bad.share_memory_()  # type: ignore[no-untyped-call]  # torch leaves it untyped

    @property
    def count(self) -> int:
        """How many of the photos met so far cannot be read."""
        return int(self._bad.count_nonzero())

    def add(self, index: int, reason: UserError) -> None:
        """Mark a photo; name it in the log the first time.

        Raises:
            UserError: more than ``max_fraction`` of the photos, or all of them, are bad.
        """
        if self._bad[index]:
            return
        self._bad[index] = 1
        log.warning("%s; another photo takes its place", reason)
        count, total = self.count, len(self.photos)
        if count == total:
            raise UserError(f"none of the {total} training photos can be read: {reason}; give other photos")
        if count > self.max_fraction * total:
            raise UserError(
                f"data.max_bad_fraction={self.max_fraction:g} is exceeded: {count} of {total} training "
                f"photos cannot be read; the last: {reason}; remove the bad ones or raise the limit"
            )
