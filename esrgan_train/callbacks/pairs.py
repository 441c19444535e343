"""previews/pairs/: some LR and HR crops that a run was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esrgan_train.images.encode import write_image

FOLDER = "previews/pairs"  # in a run folder


def write_pairs(run_dir: Path, low: Sequence[NDArray[np.uint8]], high: Sequence[NDArray[np.uint8]]) -> None:
    """Write ``0_lr.webp``, ``0_hr.webp`` and so on, (H, W, 3), without loss."""
    folder = run_dir / FOLDER
    for number, (lr, hr) in enumerate(zip(low, high, strict=True)):
        write_image(folder / f"{number}_lr.webp", lr, lossless=True)
        write_image(folder / f"{number}_hr.webp", hr, lossless=True)
