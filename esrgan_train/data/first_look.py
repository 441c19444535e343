"""A quick look at the photos before anything else starts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from esrgan_train.data.bad_photos import check_share
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Source, spread
from esrgan_train.errors import UserError
from esrgan_train.images.decode import Header, UnreadableImageError

log = logging.getLogger(__name__)

_SSIM_WINDOW = 11  # pixels that must be left inside the border that metrics cut off


@dataclass(frozen=True)
class FirstLook:
    """The headers of some photos, spread evenly; pixels are not decoded where a header says enough."""

    headers: dict[int, Header]
    unreadable: Sequence[UnreadableImageError]

    @classmethod
    def at(cls, source: Source, kind: str, *, max_bad_fraction: float) -> FirstLook:
        """Look at up to ``MAX_LOOKED_AT`` photos of ``source``, which are called ``kind``.

        Raises:
            UserError: more than ``max_bad_fraction`` of them, or all, are unreadable.
        """
        headers: dict[int, Header] = {}
        unreadable: list[UnreadableImageError] = []
        for index in spread(len(source)):
            try:
                headers[index] = source.header(index)
            except UnreadableImageError as error:
                unreadable.append(error)
        found = cls(headers, unreadable)
        such = f"first: {unreadable[0]}" if unreadable else ""
        check_share(len(unreadable), found.looked_at, max_fraction=max_bad_fraction, kind=kind, such=such)
        return found

    @property
    def looked_at(self) -> int:
        """How many photos were looked at."""
        return len(self.headers) + len(self.unreadable)

    def report_training(self, needed_side: int) -> None:
        """Log what is special about photos that samples of ``needed_side`` HR pixels are cut from."""
        several = sum(header.several for header in self.headers.values())
        small = sum(min(header.size) < needed_side for header in self.headers.values())
        if several:
            log.info(
                "%d of %d photos looked at hold several pictures: the first of each is used",
                several,
                self.looked_at,
            )
        if small:
            log.info(
                "%d of %d photos looked at are smaller than the %d × %d window a sample is cut from: "
                "they are continued by their reflection",
                *(small, self.looked_at, needed_side, needed_side),
            )

    def report_held_out(self, options: StreamOptions) -> None:
        """Log how many photos are cut for validation."""
        most = options.val_max_size
        large = sum(most is not None and max(header.size) > most for header in self.headers.values())
        if large and options.overfit_samples is None:
            log.info(
                "%d of %d held-out photos looked at are larger than data.val_max_size=%d pixels a side: their "
                "middle is measured; null takes them whole",
                *(large, self.looked_at, most),
            )

    def report_unreadable(self, what: str) -> None:
        """Log how many of ``what`` cannot be read, with the first; train.log names the others too."""
        if not self.unreadable:
            return
        first, *others = self.unreadable
        bad = len(self.unreadable)
        log.warning("%d of %d %s looked at cannot be read; the first: %s", bad, self.looked_at, what, first)
        for error in others:
            log.warning("%s", error, extra={"to_file_only": True})

    def check_held_out(self, source: Source, upscale: int) -> None:
        """``UserError`` for a photo that is too small to be measured."""
        least = _SSIM_WINDOW + 3 * upscale  # the border on both sides, and what is lost to whole LR pixels
        for index, header in self.headers.items():
            if min(header.size) < least:
                width, height = header.size
                raise UserError(
                    f"{source.place(index)} is held out for validation, but {width} × {height} pixels are too "
                    f"few: remove it, or give data.val_dir with photos of at least {least} × {least}"
                )
