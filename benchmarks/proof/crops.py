"""The same crop of some photographs as every method makes it, as one sheet a scale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.proof.heldout import Enlarged
from benchmarks.proof.photographs import STEP, Photograph
from esrgan_train.files import replacing
from esrgan_train.images.sheet import Tile, labelled_sheet
from esrgan_train.images.zoom import repeated
from esrgan_train.screening.detail import busiest_part
from esrgan_train.screening.luma import luma_of

Picture = NDArray[np.uint8]

SIDE = 96  # HR pixels a side; a multiple of every scale
ZOOM = 2
DEGRADATIONS = ("bicubic", "light")
FREE = ("cincinnati-bridge", "european-honey-bee")  # of Debian's: in the public domain, so their crops may be here


class Sheets:
    """Keeps crops of the first draw of each degradation while they are made.

    Args:
        photographs: whose crops are shown.
        hidden: methods that get no column.
    """

    def __init__(self, photographs: Sequence[Photograph], *, hidden: Sequence[str]) -> None:
        self.places = {each.name: busiest_part(luma_of(each.hr), most=SIDE, step=STEP) for each in photographs}
        self.hidden = set(hidden)
        self._rows: dict[int, dict[tuple[str, str], list[Tile]]] = defaultdict(dict)

    def add(self, one: Enlarged) -> None:
        """Keep the crop, if it is one to show."""
        name, scale = one.photograph.name, one.method.scale
        if name not in self.places or one.draw or one.degradation not in DEGRADATIONS:
            return
        rows, columns = self.places[name]
        row = self._rows[scale].setdefault((name, one.degradation), [])
        if not row:
            low = one.lr[rows.start // scale : rows.stop // scale, columns.start // scale : columns.stop // scale]
            row.append((f"LR, {one.degradation}", repeated(low, scale * ZOOM)))
            row.append(("HR", repeated(one.photograph.hr[rows, columns], ZOOM)))
        if one.method.name not in self.hidden:
            row.insert(-1, (one.method.name, repeated(one.sr[rows, columns], ZOOM)))

    def drawn(self) -> dict[int, Picture]:
        """A sheet for each scale: LR by the nearest pixel, the methods, HR."""
        return {scale: labelled_sheet([*rows.values()], title=f"×{scale}") for scale, rows in self._rows.items()}


def write_sheet(path: Path, sheet: Picture) -> None:
    """As JPEG, small enough for a page: half of what files of photographs take."""
    with replacing(path) as partial:
        Image.fromarray(sheet).save(partial, format="JPEG", quality=80)


def shown(photographs: Sequence[Photograph]) -> list[Photograph]:
    """Those whose crops may stand in this repository; without them the first two."""
    return [each for each in photographs if each.name in FREE] or list(photographs[:2])
