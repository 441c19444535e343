"""Pictures of one size enlarged several at a time, as many as pay and as memory allows."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.errors import UserError
from esrgan_train.inference.memory import give_back, ran_out
from esrgan_train.inference.upscaler import Upscaler

log = logging.getLogger(__name__)

_MOST = 16  # pictures; more would hold that many enlargements, and gain nothing
_BUSY = 512**2  # pixels that keep a GPU busy; a CPU is with any picture


class Together:
    """Enlarges pictures in batches.

    The results are those of one at a time, up to values between two levels, which may round differently where a
    library adds in another order for another number of pictures: on a CPU none of 8 bits was found to.

    Args:
        asked: how many at a time; None chooses by device, size and free memory.

    Raises:
        UserError: the model takes one at a time.
    """

    def __init__(self, upscaler: Upscaler, asked: int | None) -> None:
        if asked not in (None, 1) and not upscaler.takes_several:
            raise UserError(
                f"--batch {asked} is not possible: the model takes one picture at a time; leave it out"
            )
        self.upscaler, self.asked = upscaler, asked
        self._most: int | None = None  # once memory has run out

    def size_for(self, height: int, width: int) -> int:
        """How many pictures of this size are enlarged at a time."""
        pixels = self.upscaler.pixels_in_pass(height, width)
        on_cpu = self.upscaler.device.type == "cpu"
        wanted = self.asked or (1 if on_cpu else min(_MOST, max(1, _BUSY // pixels)))
        fitting = self.upscaler.pixels_that_fit()
        size = wanted if fitting is None else max(1, min(wanted, fitting // pixels))
        if self.asked is not None and size < self.asked:
            log.warning("--batch %d is more than memory allows at %d × %d: %d", self.asked, width, height, size)
        return size

    def __call__(self, images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Enlarge pictures, each (h, w, 3) uint8 or uint16, of any sizes; see ``Upscaler``."""
        alike = groupby(images, key=lambda image: (image.shape, image.dtype))
        return [enlarged for _, group in alike for enlarged in self._batches(list(group))]

    def _batches(self, images: list[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        while images:
            count = min(len(images), self._most or len(images))
            if count == 1:
                yield self.upscaler(images.pop(0))
                continue
            try:
                enlarged = self.upscaler.together(np.stack(images[:count]))
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
                enlarged = None
            if enlarged is None:  # here the traceback is gone, and with it what it held
                self._most = count // 2
                log.info("%d pictures need more memory than there is: continuing with %d", count, self._most)
                give_back()
                continue
            del images[:count]
            yield from enlarged
