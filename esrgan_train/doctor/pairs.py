"""Pairs whose sides show something else, or the same at another place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from statistics import median

from esrgan_train.doctor.alignment import COMMON_SHIFT, LARGEST_SHIFT, Alignment
from esrgan_train.doctor.examination import Examination, Examined
from esrgan_train.doctor.finding import Finding

_ENOUGH = 5  # pairs whose median tells how LR was made


def pairs_check(examination: Examination) -> Iterator[Finding]:
    """Whether the pairs belong together and are aligned; nothing is found where photos do not come in pairs."""
    sides = [kind for side in examination for kind in side.kinds if kind.source.paired]
    if not sides:
        return
    compared = list(chain.from_iterable(map(_compared, sides)))
    good = sum(len(side.good) for side in sides)
    if not compared:
        yield Finding("pairs", "note", f"none of {good:,} pairs shows enough detail to compare its sides")
        return
    others = [(name, found) for name, found in compared if not found.belongs]
    shifted = [(name, found) for name, found in compared if found.belongs and found.shift > LARGEST_SHIFT]
    if others:
        yield Finding(
            "pairs",
            "problem",
            f"{len(others):,} of {len(compared):,} pairs seem to show different pictures",
            "look at them: HR and LR of the same name must be the same photograph, not mirrored or turned",
            tuple(f"{name}: phase correlation {found.peak:.2f}, pairs have about 1" for name, found in others),
        )
    if shifted:
        yield Finding(
            "pairs",
            "problem",
            f"LR is out of place in {len(shifted):,} of {len(compared):,} pairs",
            "align them, or make LR from HR again, without cropping either",
            tuple(f"{name}: LR lies {_direction(found.right, found.down)}" for name, found in shifted),
        )
    if not others and not shifted:
        yield _common([found for _, found in compared], good)


def _compared(side: Examined) -> Iterator[tuple[str, Alignment]]:
    for seen in side.good:
        if seen.alignment is not None:
            yield side.source.name(seen.index), seen.alignment


def _common(found: list[Alignment], good: int) -> Finding:
    right, down = (median(values) for values in zip(*((each.right, each.down) for each in found), strict=True))
    checked = f"{len(found):,} of {good:,} pairs compared"
    if len(found) >= _ENOUGH and max(abs(right), abs(down)) > COMMON_SHIFT:
        return Finding(
            "pairs",
            "note",
            f"{checked}: in most, LR lies {_direction(right, down)}, as if made of every n-th pixel; "
            "the model will learn to move pictures by as much",
            "make LR with a filter that keeps the centre (area, bicubic, Lanczos)",
        )
    furthest = max(each.shift for each in found)
    return Finding("pairs", "ok", f"{checked}: they belong together, LR at most {furthest:.2f} of its pixels off")


def _direction(right: float, down: float) -> str:
    parts = [
        f"{abs(shift):.1f} px {words[shift > 0]}"
        for shift, words in ((right, ("left", "right")), (down, ("up", "down")))
        if abs(shift) >= 0.05
    ]
    return " and ".join(parts)
