"""The source of ``data=folder``: photos in folders of the user's own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Gt

from esrgan_train.bounds import Count, NonNegative, Wanted, bounded, check_value
from esrgan_train.data.held_out import HeldOutShare, hold_out
from esrgan_train.data.packed import is_packed, open_packed
from esrgan_train.data.photos import FolderSource, Photos, join
from esrgan_train.data.reading import CACHE_GB, CacheFolder, Order, Reading
from esrgan_train.data.sources import Sources
from esrgan_train.errors import UserError
from esrgan_train.images.find import find_photos
from esrgan_train.remote.store import PATIENCE
from esrgan_train.remote.url import Location, location, overlap

_WANTED = "a folder, a list [my/a,my/b] or folders with weights {my/a: 3, my/b: 1}"
MOST_TURNS = 10_000  # samples after which the folders' shares are exact

# With weights a mapping, or pairs, as the command line passes a mapping that Hydra's grammar cannot hold.
Folders = Annotated[
    str | Path | Sequence[str | Path] | Mapping[str, float] | Sequence[tuple[str | Path, float]], Wanted(_WANTED)
]
Turns = tuple[int, ...]  # how many of every sum(turns) samples come from each folder
Place = tuple[str, Location]  # a folder, after the option that names it
Weight = Annotated[float, Gt(0), Wanted("a number above 0, or leave the folder out")]


@bounded
def folder_photos(
    *,
    train_dir: Folders,
    val_dir: str | Path | None,
    val_fraction: HeldOutShare,
    max_val_photos: Count,
    order: Order = "auto",
    remote_cache_gb: NonNegative = CACHE_GB,
    remote_cache_dir: CacheFolder = None,
    remote_patience: NonNegative = PATIENCE,
) -> Sources:
    """Photos below ``train_dir``; those below ``val_dir``, or some of the former, are held out.

    Args:
        train_dir: folder, searched recursively, or packed set; a list of these, treated as one; or a mapping from
            these to weights: samples come from them in that ratio, however many photos each holds.
        val_dir: folder or packed set outside ``train_dir`` whose photos are all held out.
        val_fraction: share of the photos held out without ``val_dir``; see ``hold_out``.
        max_val_photos: most photos held out without ``val_dir``.
        order: of the photos of packed sets; for this and the others see ``Reading``.
        remote_cache_gb: bytes of the cache of sets that lie elsewhere, in GB.
        remote_cache_dir: its folder.
        remote_patience: seconds for which what does not come is tried.

    Raises:
        UserError: a folder is missing or empty, the folders overlap, there is only one photo to split, or a
            number is out of bounds.
    """
    reading = Reading(order, remote_cache_gb, remote_cache_dir, remote_patience)
    remarks: list[str] = []
    parts, turns, places = open_photos(train_dir, remarks, reading)
    if val_dir is not None:
        held_out = _open(val_dir, "data.val_dir", remarks, reading)
        refuse_overlap([("data.val_dir", held_out.table.root), *places])
        return Sources(join(parts, turns=turns), held_out, tuple(remarks))
    refuse_overlap(places)
    sides = hold_out(parts, val_fraction=val_fraction, max_val_photos=max_val_photos)
    if not any(chosen for _, chosen in sides):
        raise UserError(
            f"data.train_dir={train_dir} holds one photo, and one must be held out: "
            "add photos or give data.val_dir"
        )
    train = [part.subset(rest) for part, (rest, _) in zip(parts, sides, strict=True)]
    val = [part.subset(chosen) for part, (_, chosen) in zip(parts, sides, strict=True) if len(chosen)]
    return Sources(join(train, turns=turns), join(val), tuple(remarks))


def open_photos(
    train_dir: Folders, remarks: list[str], reading: Reading
) -> tuple[list[FolderSource], Turns | None, list[Place]]:
    """The photos of each folder of ``data.train_dir``, the folders' turns if they are weighted, and the folders.

    Raises:
        UserError: a folder is missing, empty, or holds something else.
    """
    folders, turns = _folders(train_dir)
    parts = [_open(folder, "data.train_dir", remarks, reading) for folder in folders]
    return parts, turns, [("data.train_dir", part.table.root) for part in parts]


def _open(folder: str | Path, option: str, remarks: list[str], reading: Reading) -> FolderSource:
    """The photos in a folder, or those of a packed set."""
    if not is_packed(folder):
        remarks += reading.remark_on_folder(f"{option}={folder}")
        return Photos(find_photos(folder, option=option, say=remarks.append))
    source = open_packed(folder, option=option, reading=reading)
    if source.paired:
        raise UserError(
            f"{option}={location(folder)} is a packed set of pairs: give data=paired, or data=mixed with "
            "data.pairs_dir"
        )
    return source


def refuse_overlap(places: Iterable[Place]) -> None:
    """``UserError`` if one of the folders, each given by an option, contains another or is given twice."""
    for (other_option, other), (option, folder) in combinations(places, 2):
        if overlap(folder, other):
            raise UserError(
                f"{other_option}={other} and {option}={folder} overlap, so the same photos would be counted "
                "twice or be trained on and held out: put the folders side by side"
            )


def turns_of(weighted: Sequence[tuple[Any, float]]) -> Turns:
    """The weights of folders as the smallest whole numbers of the same ratio: 3 and 1.5 become 2 and 1.

    Raises:
        UserError: a weight is not a number above 0, or the ratio takes too large numbers.
    """
    for folder, weight in weighted:
        check_value(f"data.train_dir: the weight of {folder}", weight, Weight)
    weights = [str(weight) for _, weight in weighted]
    exact = list(map(Fraction, weights))
    scale = math.lcm(*(fraction.denominator for fraction in exact))
    whole = [int(fraction * scale) for fraction in exact]
    turns = tuple(number // math.gcd(*whole) for number in whole)
    if sum(turns) > MOST_TURNS:
        raise UserError(
            f"data.train_dir: the weights {', '.join(weights)} are exact only after "
            f"{sum(turns):,} samples, the limit is {MOST_TURNS:,}: give rounder ones, such as 3 and 1"
        )
    return turns


def _folders(train_dir: Any) -> tuple[list[str | Path], Turns | None]:
    """The folders, and how many samples in turn each gives if they are weighted."""
    if isinstance(train_dir, (str, Path)):
        return [train_dir], None
    if isinstance(train_dir, (int, float)):
        raise UserError(f"data.train_dir={train_dir} names no folder: put quotes round digits, or give {_WANTED}")
    items = list(train_dir.items() if isinstance(train_dir, Mapping) else train_dir)
    weighted = all(isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2 for item in items)
    folders = [folder for folder, _ in items] if weighted else items
    wrong = [folder for folder in folders if not isinstance(folder, (str, Path))]
    if wrong or not folders:
        such = f" in {wrong[0]!r}" if wrong else ""
        raise UserError(f"data.train_dir={train_dir!r} names no folder{such}: give {_WANTED}")
    return folders, turns_of(items) if weighted else None
