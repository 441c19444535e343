"""Names of pictures without suffix, except where two pictures would share one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath


def distinct_names(paths: Sequence[PurePath]) -> list[str]:
    """Each path's POSIX form without suffix; ``photo.jpg`` and ``photo.png`` beside each other keep it.

    Case is ignored, as some file systems do. Names of paths that differ in case alone still clash.
    """
    whole = [path.as_posix() for path in paths]
    names = [path.with_suffix("").as_posix() for path in paths]
    # A name with its suffix may equal that of a third path, such as photo.jpg.png, without.
    while shared := [n for group in clashes(names) for n in group if names[n] != whole[n]]:
        for n in shared:
            names[n] = whole[n]
    return names


def clashes(names: Sequence[str]) -> list[list[int]]:
    """The indices of names that are equal up to case, in groups of two and more."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(name.casefold(), []).append(place)
    return [group for group in groups.values() if len(group) > 1]
