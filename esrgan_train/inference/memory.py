"""How large a tile the free memory allows, which errors mean that it ran out, and what is tried then."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from esrgan_train.allocator import give_back_freed_memory

log = logging.getLogger(__name__)

Made = TypeVar("Made")

SMALLEST_TILE = 64
_FAR = 64  # pixels around a tile, from which on they count

# torch, oneDNN (which calls it "could not create a primitive"), CUDA's libraries, OpenCV and ONNX Runtime.
_WORDS = re.compile(
    r"out of memory|can't allocate|cannot allocate|failed to allocate|unable to allocate|not enough memory|"
    r"insufficient memory|bad_alloc|ALLOC(ATION)?_FAILED|could not create a (primitive|memory)",
    re.IGNORECASE,
)


def automatic_tile(
    network: nn.Module, scale: int, device: torch.device, features: int | None = None, radius: int = 0
) -> int:
    """The side of a tile that needs at most a quarter of the free memory, from 64 to 256 (GPU: 512) pixels.

    Args:
        features: the most values that a layer makes of a pixel; by default the network's ``num_feat``.
        radius: in pixels, what is seen around a tile. Where that is far, tiles may be twice as large: it is
            computed again in each of them.
    """
    # On a CPU, layers' maps above 32 MiB are taken from the system and given back each time (glibc's bound): of 64
    # features, tiles of 256 pixels stay below it and take a sixth less time than tiles of 512, overlap included.
    largest = 256 if device.type == "cpu" else 512
    largest *= 2 if radius > _FAR else 1
    if features is None:
        features = getattr(network, "num_feat", 64)
    pixels = pixels_at_once(scale, device, features)
    if pixels is None:
        return largest
    return max(SMALLEST_TILE, min(largest, int(pixels**0.5) - 2 * max(0, radius - _FAR)))


def pixels_at_once(scale: int, device: torch.device, features: int) -> int | None:
    """How many pixels of the input take a quarter of the free memory; None where the system does not say it."""
    free = _free_memory(device)
    per_pixel = 4 * (3 * features + 4 * 3 * scale**2)  # bytes: layers' maps in flight, output and copies
    return None if free is None else int(free / 4 / per_pixel)


def ran_out(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, whichever library raised it."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _WORDS.search(str(error)) is not None


def in_smaller_tiles(make: Callable[[int], Made], tile: int, *, multiple: int = 1) -> tuple[Made, int]:
    """What ``make`` returns for ``tile``, or for half of it while memory runs out; and the tile that it took.

    Nothing of a failed attempt is kept: its traceback, which holds the tensors of all functions in between, is
    gone before memory is given back.

    Args:
        make: called with the side of a tile in pixels.
        tile: the first to try; with 0, the whole picture, nothing else is tried.
        multiple: of which the side of a tile must be a multiple.

    Raises:
        Exception: what ``make`` raised, if it is about something else or tiles are as small as they get.
    """
    while True:
        try:
            return make(tile), tile
        except (RuntimeError, MemoryError) as error:
            if tile <= SMALLEST_TILE or not ran_out(error):
                raise
        smaller = max(SMALLEST_TILE, max(multiple, tile // 2 // multiple * multiple))
        log.info("tiles of %d pixels need more memory than there is: continuing with %d", tile, smaller)
        tile = smaller
        give_back()


def give_back() -> None:
    """Return the memory of freed tensors and arrays to the system and to the device."""
    give_back_freed_memory()
    torch.cuda.empty_cache()  # does nothing where CUDA is not in use


def _free_memory(device: torch.device) -> int | None:
    """Bytes; None where the system does not say."""
    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # unused, for new tensors
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows has no sysconf, macOS not this name
        return None
