"""Before and after, cut from the preview that the run drew of held-out photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from esrgan_train.callbacks.previews import HELD_OUT
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import write_image
from esrgan_train.images.sheet import pictures_of

FOLDER = "pictures"
KINDS = ("lr", "bicubic", "sr", "hr")  # the columns of a preview


def preview_of(run: Path, iterations: object) -> tuple[int, Path] | None:
    """The iteration and the file of the last preview that shows these weights, or earlier ones of the run."""
    if not isinstance(iterations, int):
        return None
    found = {
        int(file.stem.partition("_")[2]): file for file in (run / "previews").glob(f"{HELD_OUT}_{'[0-9]' * 8}.png")
    }
    return max(((step, file) for step, file in found.items() if 0 < step <= iterations), default=None)


def write_pictures(preview: Path, folder: Path) -> list[dict[str, str]]:
    """Write the pictures of a preview, each photo's by ``KINDS``; their paths in ``folder``.

    Raises:
        UserError: the preview cannot be read.
    """
    written = []
    rows = [row for row in pictures_of(decode(preview).astype(np.uint8)) if len(row) == len(KINDS)]
    for number, row in enumerate(rows, start=1):
        names = {kind: f"{FOLDER}/{number}_{kind}.png" for kind in KINDS}
        for name, picture in zip(names.values(), row, strict=True):
            write_image(folder / name, picture)
        written.append(names)
    return written
