"""A quick look at the photos before anything else starts."""

from __future__ import annotations

import logging
import math

from esrgan_train.data.bad_photos import check_share
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Source, spread
from esrgan_train.errors import UserError
from esrgan_train.images.decode import Header, UnreadableImageError

log = logging.getLogger(__name__)

_SSIM_WINDOW = 11  # pixels that must be left inside the border that metrics cut off


class FirstLook:
    """The headers of up to ``MAX_LOOKED_AT`` photos of ``source``, spread evenly; messages call them ``kind``.

    Raises:
        UserError: more than ``max_bad_fraction`` of them, or all, are unreadable.
    """

    def __init__(self, source: Source, kind: str, *, max_bad_fraction: float) -> None:
        self.source = source
        self.headers: dict[int, Header] = {}
        self.unreadable: list[UnreadableImageError] = []
        for index in spread(len(source)):
            try:
                self.headers[index] = source.header(index)
            except UnreadableImageError as error:
                self.unreadable.append(error)
        bad = len(self.unreadable)
        self.looked_at = len(self.headers) + bad
        such = f"first: {self.unreadable[0]}" if bad else ""
        check_share(bad, self.looked_at, max_fraction=max_bad_fraction, kind=kind, such=such)

    def sizes(self) -> str:
        """Pixels of the smallest and the largest photo looked at, for people; empty if none can be read."""
        sides = sorted({header.size for header in self.headers.values()}, key=lambda size: size[0] * size[1])
        return " to ".join(f"{width} × {height}" for width, height in dict.fromkeys((*sides[:1], *sides[-1:])))

    def report_training(self, needed_side: int) -> None:
        """Log what is special about photos that samples of ``needed_side`` HR pixels are cut from."""
        several = sum(header.several for header in self.headers.values())
        small = sum(min(header.size) < needed_side for header in self.headers.values())
        if several:
            message = "%d of %d photos looked at hold several pictures: the first of each is used"
            log.info(message, several, self.looked_at)
        if small:
            log.info(
                "%d of %d photos looked at are smaller than the %d × %d window a sample is cut from: "
                "they are continued by their reflection",
                *(small, self.looked_at, needed_side, needed_side),
            )
        self._report_unreadable("photos")

    def report_held_out(self, options: StreamOptions) -> None:
        """Log how many photos are cut for validation, and which cannot be read."""
        most = options.val_max_size
        large = sum(most is not None and max(header.size) > most for header in self.headers.values())
        if large and options.overfit_samples is None:
            log.info(
                "%d of %d held-out photos looked at are larger than data.val_max_size=%d pixels a side: their "
                "middle is measured; null takes them whole",
                *(large, self.looked_at, most),
            )
        self._report_unreadable("held-out photos")

    def most_pixels(self, most: int | None) -> int:
        """Of the largest of the photos looked at, each cut to ``most`` pixels a side."""
        limit = math.inf if most is None else most
        sizes = (header.size for header in self.headers.values())
        return int(max(min(width, limit) * min(height, limit) for width, height in sizes))

    def check_held_out(self, upscale: int) -> None:
        """``UserError`` for a photo that is too small to be measured."""
        least = _SSIM_WINDOW + 3 * upscale  # the border on both sides, and what is lost to whole LR pixels
        for index, header in self.headers.items():
            if min(header.size) < least:
                width, height = header.size
                raise UserError(
                    f"{self.source.place(index)} is held out for validation, but {width} × {height} pixels are "
                    f"too few: remove it, or give data.val_dir (data=mixed: data.pairs_val_dir) with photos of "
                    f"at least {least} × {least}"
                )

    def _report_unreadable(self, what: str) -> None:
        if not self.unreadable:
            return
        first, *others = self.unreadable
        bad = len(self.unreadable)
        log.warning("%d of %d %s looked at cannot be read; the first: %s", bad, self.looked_at, what, first)
        for error in others:
            log.warning("%s", error, extra={"to_file_only": True})
