"""The source of ``data=folder``: photos in folders of the user's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from esrgan_train.bounds import Count, Wanted, bounded
from esrgan_train.data.held_out import HeldOutShare, hold_out
from esrgan_train.data.photos import Photos
from esrgan_train.data.sources import Sources
from esrgan_train.errors import UserError
from esrgan_train.images.find import find_photos

_WANTED = "a folder, a list [my/a,my/b] or folders with weights {my/a: 3, my/b: 1}"
_MOST_TURNS = 10_000  # samples after which the folders' shares are exact

# One folder, several that are taken for one, or several with the weight of each, as a mapping or in pairs.
Folders = Annotated[
    str | Path | Sequence[str | Path] | Mapping[str, float] | Sequence[tuple[str | Path, float]], Wanted(_WANTED)
]


@bounded
def folder_photos(
    *, train_dir: Folders, val_dir: str | Path | None, val_fraction: HeldOutShare, max_val_photos: Count
) -> Sources:
    """Photos below ``train_dir``; those below ``val_dir``, or some of the former, are held out.

    Args:
        train_dir: folder, searched recursively; a list of folders; or folders with weights (a mapping, or pairs),
            in proportion to which samples come from each, whatever the number of its photos.
        val_dir: folder whose photos are all held out; must lie beside ``train_dir``.
        val_fraction: share of the photos held out without ``val_dir``; see ``hold_out``.
        max_val_photos: most photos held out without ``val_dir``.

    Raises:
        UserError: a folder is missing or empty, the folders overlap, there is only one photo to split, or a
            number is out of bounds.
    """
    remarks: list[str] = []
    folders, turns = _folders(train_dir)
    tables = [find_photos(folder, option="data.train_dir", say=remarks.append) for folder in folders]
    refuse_overlap({"data.train_dir": [table.root for table in tables]})
    if val_dir is not None:
        held_out = find_photos(val_dir, option="data.val_dir", say=remarks.append)
        refuse_overlap({"data.val_dir": [held_out.root], "data.train_dir": [table.root for table in tables]})
        return Sources(Photos(*tables, turns=turns), Photos(held_out), tuple(remarks))
    if max(map(len, tables)) < 2:
        raise UserError(
            f"data.train_dir={train_dir} holds one photo, and one must be held out: "
            "add photos or give data.val_dir"
        )
    sides = hold_out(tables, val_fraction=val_fraction, max_val_photos=max_val_photos)
    train = [table.subset(rest) for table, (rest, _) in zip(tables, sides, strict=True)]
    val = [table.subset(chosen) for table, (_, chosen) in zip(tables, sides, strict=True) if len(chosen)]
    return Sources(Photos(*train, turns=turns), Photos(*val), tuple(remarks))


def refuse_overlap(folders: Mapping[str, Sequence[Path]]) -> None:
    """``UserError`` if one of the folders, given by option, lies in another or is given twice."""
    places = [(option, folder, folder.resolve()) for option, several in folders.items() for folder in several]
    for position, (option, folder, place) in enumerate(places):
        for other_option, other, other_place in places[:position]:
            if place.is_relative_to(other_place) or other_place.is_relative_to(place):
                raise UserError(
                    f"{other_option}={other} and {option}={folder} overlap, so the same photos would be counted "
                    "twice or be trained on and held out: put the folders side by side"
                )


def turns_of(weights: Sequence[float], *, option: str) -> tuple[int, ...]:
    """Weights as the smallest whole numbers of the same ratio: 3 and 1.5 become 2 and 1.

    Raises:
        UserError: a weight that is not a number above 0, or weights whose ratio takes too large numbers.
    """
    for weight in weights:
        right = isinstance(weight, (int, float)) and not isinstance(weight, bool) and 0 < weight < math.inf
        if not right:
            raise UserError(f"{option}: {weight!r} is no weight: give a number above 0, or leave the folder out")
    exact = [Fraction(str(weight)) for weight in weights]
    scale = math.lcm(*(fraction.denominator for fraction in exact))
    whole = [int(fraction * scale) for fraction in exact]
    turns = tuple(number // math.gcd(*whole) for number in whole)
    if sum(turns) > _MOST_TURNS:
        given = ", ".join(str(weight) for weight in weights)
        raise UserError(
            f"{option}: the weights {given} are exact only after {sum(turns):,} samples, the limit is "
            f"{_MOST_TURNS:,}: give rounder ones, such as 3 and 1"
        )
    return turns


def _folders(train_dir: Any) -> tuple[list[str | Path], tuple[int, ...] | None]:
    """The folders, and how many samples in turn each gives if there are weights."""
    if isinstance(train_dir, (str, Path)):
        return [train_dir], None
    if isinstance(train_dir, (int, float)):
        raise UserError(f"data.train_dir={train_dir} names no folder: put quotes round digits, or give {_WANTED}")
    pairs = [_pair(item) for item in (train_dir.items() if isinstance(train_dir, Mapping) else train_dir)]
    wrong = [folder for folder, _ in pairs if not isinstance(folder, (str, Path))]
    if not pairs or wrong:
        raise UserError(f"data.train_dir={train_dir!r} names no folder{_such(wrong)}: give {_WANTED}")
    folders, weights = [folder for folder, _ in pairs], [weight for _, weight in pairs]
    if all(weight is None for weight in weights):
        return folders, None
    return folders, turns_of(weights, option="data.train_dir")


def _such(wrong: Sequence[Any]) -> str:
    return f" in {wrong[0]!r}" if wrong else ""


def _pair(item: Any) -> tuple[Any, Any]:
    """A folder and its weight; None is without one."""
    is_pair = isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2
    return (item[0], item[1]) if is_pair else (item, None)
