"""A generator applied to one whole picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from esrgan_train.images.decode import to_float
from esrgan_train.images.encode import to_uint8


def upscale_image(generator: nn.Module, image: npt.NDArray[Any], device: torch.device) -> npt.NDArray[np.uint8]:
    """Upscale an RGB picture, (h, w, 3) uint8 or uint16, to (h·s, w·s, 3) uint8, in float32.

    The whole picture goes through the network at once.
    """
    lr = torch.from_numpy(to_float(image)).permute(2, 0, 1)[None]
    lr = lr.to(device, memory_format=torch.channels_last)
    with torch.inference_mode():
        sr = generator(lr)
    return to_uint8(sr[0].permute(1, 2, 0).float().cpu().numpy())
