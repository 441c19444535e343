"""The eight symmetries of the square."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from esrgan_train.data.cutters import Cut
from esrgan_train.images.decode import Picture

_PROBABILITY = 0.5


def turned(cut: Cut, rng: np.random.Generator) -> Cut:
    """The square turned upside down, transposed, both or neither, evenly; LR, if there is one, alike.

    Together with the cutter's flip that makes all eight symmetries, evenly. What is degraded lies as the network
    will see it, and the crop's corner counts in that, so every phase of the JPEG grid stays as likely as another.
    """
    upside_down, transposed = (bool(number < _PROBABILITY) for number in rng.random(2))

    def turn(side: Picture) -> Picture:
        if upside_down:
            side = cast(Picture, cv2.flip(side, 0))  # faster than to copy a view with other strides
        return cast(Picture, cv2.transpose(side)) if transposed else side

    return cut._replace(hr=turn(cut.hr), lr=None if cut.lr is None else turn(cut.lr))
