"""Names of pictures without their suffixes, which are put back where two pictures would share one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath


def distinct_names(paths: Sequence[PurePath]) -> list[str]:
    """Each path's POSIX form without suffix; ``photo.jpg`` beside ``photo.png`` keeps it, and so does the other.

    Capitals do not count, since some file systems do not tell A from a. Paths that are equal but for capitals
    have names that clash.
    """
    whole = [path.as_posix() for path in paths]
    names = [path.with_suffix("").as_posix() for path in paths]
    # The name with its suffix may be that of a third one, as photo.jpg.png without.
    while shared := [n for group in clashes(names) for n in group if names[n] != whole[n]]:
        for n in shared:
            names[n] = whole[n]
    return names


def clashes(names: Sequence[str]) -> list[list[int]]:
    """The places of names that are the same but for capitals, in groups of two and more."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        groups.setdefault(name.casefold(), []).append(place)
    return [group for group in groups.values() if len(group) > 1]
