"""The middle of a picture, and the same part of its reduced version."""

from __future__ import annotations


def middle(length: int, *, most: int | None, step: int) -> slice:
    """The middle of a side of ``length`` pixels, aligned to ``step``, the pixels per pixel of the reduced version.

    At most ``most`` pixels, where less than a step counts as one step; None takes all of them.
    """
    kept = (length if most is None else min(length, max(most, step))) // step * step
    start = (length - kept) // 2 // step * step
    return slice(start, start + kept)


def reduced(part: slice, step: int) -> slice:
    """The same part of a side that is ``step`` times shorter."""
    return slice(part.start // step, part.stop // step)
