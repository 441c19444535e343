"""The middle of a picture, at the same place in its small version."""

from __future__ import annotations


def middle(length: int, *, most: int | None, step: int) -> slice:
    """The middle of ``length`` pixels: at most ``most`` of them, in whole steps from a whole step on.

    Args:
        length: pixels along one side.
        most: None takes all of them; less than a step counts as one.
        step: pixels per pixel of the small version.
    """
    kept = (length if most is None else min(length, max(most, step))) // step * step
    start = (length - kept) // 2 // step * step
    return slice(start, start + kept)


def reduced(part: slice, step: int) -> slice:
    """The same part of a side that is ``step`` times shorter."""
    return slice(part.start // step, part.stop // step)
