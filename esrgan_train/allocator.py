"""How the C library gives memory to tensors on the CPU."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # names and numbers of mallopt(3)


def give_back_freed_memory() -> None:
    """Return what is kept to the system, where the C library can: others may need it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def keep_freed_memory() -> bool:
    """Let this process keep the memory of freed tensors for the next ones; whether the C library can.

    By default glibc returns blocks above 32 MiB to the system at once, and the next tensor pays for having its
    pages mapped and zeroed: a quarter of a GAN iteration with 256-pixel crops. The price is a higher peak, as
    blocks of different sizes do not always fit into each other's place.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
