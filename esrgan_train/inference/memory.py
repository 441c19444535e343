"""How large a tile the free memory allows, and which errors mean that it ran out."""

from __future__ import annotations

import os
import re

import torch
from torch import nn

from esrgan_train.allocator import give_back_freed_memory

SMALLEST_TILE = 64

# torch, oneDNN (which calls it "could not create a primitive"), CUDA's libraries, OpenCV and ONNX Runtime.
_WORDS = re.compile(
    r"out of memory|can't allocate|cannot allocate|failed to allocate|unable to allocate|not enough memory|"
    r"insufficient memory|bad_alloc|ALLOC_FAILED|could not create a (primitive|memory)",
    re.IGNORECASE,
)


def automatic_tile(network: nn.Module, scale: int, device: torch.device) -> int:
    """The side of a tile that needs at most a quarter of the free memory, from 64 to 256 (GPU: 512) pixels."""
    # On a CPU, layers' maps above 32 MiB are taken from the system and given back each time (glibc's bound): of 64
    # features, tiles of 256 pixels stay below it and take a sixth less time than tiles of 512, overlap included.
    largest = 256 if device.type == "cpu" else 512
    free = _free_memory(device)
    if free is None:
        return largest
    features = getattr(network, "num_feat", 64)
    per_pixel = 4 * (3 * features + 4 * 3 * scale**2)  # bytes: layers' maps in flight, output and copies
    return max(SMALLEST_TILE, min(largest, int((free / 4 / per_pixel) ** 0.5)))


def ran_out(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, whichever library raised it."""
    return isinstance(error, MemoryError) or _WORDS.search(str(error)) is not None


def give_back() -> None:
    """Return the memory of freed tensors and arrays to the system and to the device."""
    give_back_freed_memory()
    torch.cuda.empty_cache()  # does nothing where CUDA is not in use


def _free_memory(device: torch.device) -> int | None:
    """Bytes; None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows has no sysconf, macOS not this name
        return None
