"""Photographs in the channels that a run's networks see (``colour``).

``rgb`` leaves them as they are. ``gray`` takes colours away before anything else, for networks of scans. ``luma``
degrades colours as they are and then keeps the luma of both sides, for networks of video, which is coded with its
colours. Either way a picture is degraded in three channels, and one is made of them last.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from esrgan_train.data.cutters import Cut
from esrgan_train.degradation.image import Image
from esrgan_train.images.colour import Colour, as_gray, luma


def as_decoded(cut: Cut, colour: Colour) -> Cut:
    """What is degraded: for ``gray``, both sides without their colours."""
    if colour != "gray":
        return cut
    return cut._replace(hr=as_gray(cut.hr), lr=None if cut.lr is None else as_gray(cut.lr))


def as_seen(image: Image, colour: Colour) -> Image:
    """What networks see of an image, (H, W, 3): itself, or its luma, (H, W, 1)."""
    if colour == "rgb":
        return image
    return np.ascontiguousarray(luma(*(image[:, :, channel, None] for channel in range(3))))


def batch_as_seen(images: Tensor, colour: Colour) -> Tensor:
    """The same for (B, 3, H, W): itself, or (B, 1, H, W)."""
    if colour == "rgb":
        return images
    seen: Tensor = luma(*images.chunk(3, dim=1))
    return seen
