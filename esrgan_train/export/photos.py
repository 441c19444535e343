"""The photographs on which exported files are compared with PyTorch."""

from __future__ import annotations

import numpy as np
import skimage.data

from esrgan_train.export.exported import Batch
from esrgan_train.images.decode import to_float

# (row, column, height, width): sizes no engine would favour, none that the exporters were shown, and none below
# the 64 pixels that networks of the field may need.
WINDOWS = (
    ("astronaut", (60, 170, 69, 67)),
    ("chelsea", (80, 120, 65, 90)),
    ("coffee", (100, 200, 78, 65)),
    ("rocket", (150, 250, 67, 73)),
)


def verification_photos() -> list[Batch]:
    """Windows of photographs inside scikit-image, each (1, 3, h, w) RGB in [0,1]."""
    batches = []
    for name, (row, column, height, width) in WINDOWS:
        window = getattr(skimage.data, name)()[row : row + height, column : column + width]
        batches.append(np.ascontiguousarray(to_float(window).transpose(2, 0, 1)[None]))
    return batches
