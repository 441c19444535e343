"""Checks of the degradation's parameters; each returns the value in its final type or says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.errors import UserError

Range = tuple[float, float]


def check_number(name: str, value: Any, *, low: float = -math.inf, high: float = math.inf) -> float:
    """Return `value` as a float if it lies in [low, high]; `UserError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UserError(f"{name}={value!r} is not a number; give one in {_interval(low, high)}")
    if not low <= value <= high:
        raise UserError(f"{name}={value!r} is out of bounds; give a number in {_interval(low, high)}")
    return float(value)


def check_probability(name: str, value: Any) -> float:
    """Return `value` as a float if it lies in [0, 1]; `UserError` otherwise."""
    return check_number(name, value, low=0.0, high=1.0)


def check_range(name: str, value: object, *, low: float = -math.inf, high: float = math.inf) -> Range:
    """Return two ascending numbers in [low, high] as a tuple of floats; `UserError` otherwise.

    Any sequence will do: ranges arrive from Hydra as its own list type.
    """
    remedy = f"give two ascending numbers in {_interval(low, high)}, such as [from,to]"
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise UserError(f"{name}={value!r} is not a range; {remedy}")
    items = tuple(value)
    if len(items) != 2:
        raise UserError(f"{name}={list(items)} has {len(items)} numbers; {remedy}")
    start, stop = (check_number(name, item, low=low, high=high) for item in items)
    if start > stop:
        raise UserError(f"{name}={list(items)} is descending; {remedy}")
    return start, stop


def check_integer_range(name: str, value: object, *, low: int, high: int) -> tuple[int, int]:
    """Return two ascending whole numbers in [low, high] as a tuple of ints; `UserError` otherwise."""
    start, stop = check_range(name, value, low=low, high=high)
    if not (start.is_integer() and stop.is_integer()):
        raise UserError(f"{name}={[start, stop]} must be whole numbers; round them")
    return int(start), int(stop)


def check_odds(**odds: float) -> None:
    """`UserError` unless the named weights are finite, not negative, and not all zero."""
    for name, weight in odds.items():
        if not math.isfinite(check_number(name, weight, low=0.0)):
            raise UserError(f"{name}={weight!r} must be finite; give a number such as 0.5")
    if sum(odds.values()) <= 0:
        raise UserError(f"{', '.join(odds)} are all 0; make at least one of them positive")


def check_upscale(upscale: int) -> None:
    """`UserError` unless the factor is a whole number of at least 1."""
    if not isinstance(upscale, int) or isinstance(upscale, bool) or upscale < 1:
        raise UserError(f"upscale={upscale!r} must be a whole number of at least 1, such as 4")


def check_sides(hr: NDArray[np.float32], upscale: int) -> None:
    """`ValueError` unless `hr` is (H, W, 3) float32 with sides that are multiples of `upscale`."""
    if hr.ndim != 3 or hr.shape[2] != 3 or hr.dtype != np.float32:
        raise ValueError(f"hr is {hr.dtype} {hr.shape}; pass float32 RGB of shape (H, W, 3)")
    height, width = hr.shape[:2]
    if height % upscale or width % upscale or not hr.size:
        raise ValueError(
            f"hr is {width}×{height} pixels; crop it to multiples of upscale={upscale}, "
            f"such as {width // upscale * upscale}×{height // upscale * upscale}"
        )


def _interval(low: float, high: float) -> str:
    return f"[{low:g}, {high:g}]"
