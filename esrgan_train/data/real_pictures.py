"""Real low-quality pictures without HR: what a network is trained for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor

from esrgan_train.data.channels import as_seen
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.training_set import to_tensor
from esrgan_train.errors import UserError
from esrgan_train.images.colour import as_gray
from esrgan_train.images.decode import UnreadableImageError, decode, read_header, to_float
from esrgan_train.images.find import find_photos
from esrgan_train.screening.detail import busiest_part
from esrgan_train.screening.luma import luma_of

log = logging.getLogger(__name__)

OPTION = "data.val_lr_dir"
MOST = 32  # pictures; of a larger folder, evenly spread


class RealPictures:
    """The pictures below ``folder``, as networks see them; up to 32 of them.

    Of a picture larger than what ``val_max_size`` leaves of a held-out photo, the part with the most detail.

    Raises:
        UserError: the folder is missing or empty, or none of its pictures can be read.
    """

    def __init__(self, folder: str | Path, options: StreamOptions) -> None:
        self.options = options
        self.remarks: list[str] = []
        table = find_photos(folder, option=OPTION, say=self.remarks.append)
        if len(table) > MOST:
            self.remarks.append(f"{OPTION}={folder} holds {len(table):,} pictures: {MOST} of them are enlarged")
        places = np.linspace(0, len(table) - 1, min(MOST, len(table))).astype(int)
        self.table = table.subset(map(int, places))
        self._bad = {index: reason for index in range(len(self.table)) if (reason := self._problem(index))}
        if len(self._bad) == len(self.table):
            first = next(iter(self._bad.values()))
            raise UserError(f"{OPTION}={folder} holds no picture that can be read; the first: {first}")
        self.remarks += [self._left_out(reason) for reason in self._bad.values()]

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """The name and the pixels, (C, h, w) float32 in [0, 1], of each picture that can be read.

        One that cannot is named in the log, once.
        """
        for index in range(len(self)):
            if index in self._bad:
                continue
            try:
                picture = self._read(index)
            except UnreadableImageError as error:
                self._bad[index] = str(error)
                log.warning("%s", self._left_out(str(error)))
            else:
                yield self.table.relative(index), picture

    def _read(self, index: int) -> Tensor:
        options, picture = self.options, decode(self.table[index])
        if options.val_max_size is not None:
            most = max(1, options.val_max_size // options.upscale)
            picture = picture[busiest_part(luma_of(picture), most=most, step=1)]
        if options.colour == "gray":
            picture = as_gray(picture)
        return to_tensor(as_seen(to_float(np.ascontiguousarray(picture)), options.colour))

    def _problem(self, index: int) -> str:
        try:
            read_header(self.table[index])
        except UnreadableImageError as error:
            return str(error)
        return ""

    @staticmethod
    def _left_out(reason: str) -> str:
        return f"{reason}; it is not among the previews"
