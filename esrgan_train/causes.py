"""Why a run failed, in one line, where an exception of torch alone would not say what to do."""

from __future__ import annotations

import re

from omegaconf import DictConfig

from esrgan_train.devices import is_device_error
from esrgan_train.errors import RunError
from esrgan_train.inference.memory import ran_out

_SIZE = r"([\d.]+ ?(?:[KMGT]i?B|bytes))"
_NEEDED = re.compile(rf"(?:Tried|you tried) to allocate {_SIZE}", re.IGNORECASE)
_FREE = re.compile(rf"of which {_SIZE} is free", re.IGNORECASE)
_CAPACITY = re.compile(rf"total capacity of {_SIZE}", re.IGNORECASE)


def foreseen(error: Exception, cfg: DictConfig, device: str) -> RunError | None:
    """The one line for memory that ran out in training, and for a GPU that failed; None for anything else.

    Args:
        error: as it was raised.
        cfg: the run's.
        device: it trained on, such as ``cuda:0``.
    """
    if ran_out(error) and not isinstance(error, MemoryError):  # Python's own is about the host: a photo, say
        return RunError(f"not enough memory on {device} for an iteration{_figures(str(error))}: {_smaller(cfg)}")
    if is_device_error(error):
        reason = " ".join(str(error).split())[:200]
        return RunError(
            f"{device} failed ({reason}): CUDA_LAUNCH_BLOCKING=1 before the command shows where, and nvidia-smi "
            "or the system's log whether the GPU is sound"
        )
    return None


def _figures(message: str) -> str:
    """What was needed and free, as far as torch says it."""
    needed, free, capacity = (found.search(message) for found in (_NEEDED, _FREE, _CAPACITY))
    parts = [f"{needed[1]} more were needed"] if needed else []
    parts += [f"{free[1]}{f' of {capacity[1]}' if capacity else ''} were free"] if free else []
    return f" ({', '.join(parts)})" if parts else ""


def _smaller(cfg: DictConfig) -> str:
    """What to type for a smaller iteration."""
    size, parts, crop = cfg.data.batch_size, cfg.training.accumulate, cfg.data.gt_size
    less = f"a smaller data.gt_size (it is {crop})"
    if size == 1:
        return f"give {less}, or a smaller network"
    same = next(times for times in range(2, size + 1) if size % times == 0)
    return (
        f"give data.batch_size={size // same} training.accumulate={parts * same}, which is the same batch of "
        f"{size * parts} in more parts, or {less}"
    )
