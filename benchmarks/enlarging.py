"""What upscaling one picture takes; each side is measured in a process of its own, as its users run it."""

from __future__ import annotations

import time
from typing import Any

import cv2
import torch

from benchmarks import peer
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.data.sample_photos import sample_photos
from esrgan_train.inference.upscaler import Upscaler

SIZE = (480, 360)  # width and height of the picture
_REPEATS = 5


def measure_upscaling(side: str) -> dict[str, Any]:
    """Seconds of each repeat, and the mean level of the result.

    Args:
        side: ``32`` or ``bf16``, this project's upscaler in that precision; ``peer``, the published one.
    """
    picture = cv2.resize(sample_photos().training.decode(0).hr, SIZE, interpolation=cv2.INTER_AREA)
    network = SRVGGNetCompact()
    torch.manual_seed(0)
    start_as_bilinear(network)
    if side == "peer":
        upscale: Any = peer.PublishedUpscaler(network.state_dict())
    else:
        keep_freed_memory()  # as the command does
        upscale = Upscaler(network.eval(), device=torch.device("cpu"), precision=side, tile=None)
    seconds = []
    for _ in range(_REPEATS + 1):
        start = time.perf_counter()
        enlarged = upscale(picture)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[1:], "mean": float(enlarged.mean())}
