"""The channels that a run's networks see, and the luma that pictures of one channel are made of."""

from __future__ import annotations

from typing import Any, Literal, cast

import cv2
import numpy as np

from esrgan_train.images.decode import Picture

Colour = Literal["rgb", "gray", "luma"]

# ITU-R BT.601: the shares of red, green and blue in luma. In full range, as JPEG has it: white stays 1, so luma
# uses all levels of a file, and that of a gray picture is the picture itself.
BT601 = (0.299, 0.587, 0.114)

# What networks of this project and of spandrel call their numbers of channels.
IN_CHANNELS = ("num_in_ch", "in_nc", "in_chans", "in_channels")
OUT_CHANNELS = ("num_out_ch", "out_nc", "out_chans", "out_channels")


def channels_of(colour: Colour) -> int:
    """How many channels the pictures of a run have that its networks see."""
    return 3 if colour == "rgb" else 1


def luma(red: Any, green: Any, blue: Any) -> Any:
    """Luma of BT.601 in full range: 0.299·R + 0.587·G + 0.114·B, unrounded; exactly G where all three are equal.

    Shape:
        three arrays or tensors of one shape, in [0, 1] → the same.
    """
    return green + BT601[0] * (red - green) + BT601[2] * (blue - green)


def as_gray(picture: Picture) -> Picture:
    """A decoded picture in gray, (H, W, 3) of its type with equal channels: luma, rounded to its levels."""
    gray = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    return cast(Picture, np.repeat(gray[:, :, None], 3, axis=2))
