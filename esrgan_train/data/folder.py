"""Photographs in folders of the user's own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.mixture import Mixture, turns_of
from esrgan_train.data.split import Split
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable, find_photos

log = logging.getLogger(__name__)

# One folder, several that are taken for one, or several with the weight of each, as a mapping or in pairs.
Folders = str | Path | Sequence[str | Path] | Mapping[str, float] | Sequence[tuple[str | Path, float]]

_HASH_BYTES = 8


def folder_split(
    train_dir: Folders,
    val_dir: str | Path | None = None,
    *,
    val_fraction: float = 0.05,
    max_val_photos: int = 32,
    say: Callable[[str], None] = log.warning,
) -> Split:
    """Photos below ``train_dir``; those below ``val_dir``, or some of the former, are held out.

    Without ``val_dir``, a photo is held out if the hash of its relative path falls into the first
    ``val_fraction`` of all hashes. So each photo decides for itself, and adding photos moves none from one
    side to the other, except where the limits bind: at least one and at most ``max_val_photos`` are held
    out, those of the smallest hashes, and each folder keeps at least one, that of the largest.

    Args:
        train_dir: folder, searched recursively; a list of folders; or folders with weights (a mapping, or pairs),
            in proportion to which samples come from each, whatever the number of its photos.
        val_dir: folder whose photos are all held out; must lie beside ``train_dir``.
        val_fraction: share of the photos held out without ``val_dir``, between 0 and 1.
        max_val_photos: most photos held out without ``val_dir``.
        say: is called with a line for each folder in which pictures are passed over.

    Raises:
        UserError: a folder is missing or empty, the folders overlap, there is only one photo to split, or a
            number is out of bounds.
    """
    check_held_out_share(val_fraction, max_val_photos)
    folders, turns = _folders(train_dir)
    tables = [find_photos(folder, option="data.train_dir", say=say) for folder in folders]
    refuse_overlap({"data.train_dir": [table.root for table in tables]})
    if val_dir is not None:
        held_out = find_photos(val_dir, option="data.val_dir", say=say)
        refuse_overlap({"data.val_dir": [Path(val_dir)], "data.train_dir": [table.root for table in tables]})
        return Split(tables[0] if len(tables) == 1 else Mixture(tables, turns), held_out)
    if max(len(table) for table in tables) < 2:
        raise UserError(
            f"data.train_dir={train_dir} holds one photo, and one must be held out: "
            "add photos or give data.val_dir"
        )
    chosen = choose_held_out(tables, val_fraction=val_fraction, max_val_photos=max_val_photos)
    train = [
        table.subset(np.flatnonzero(~np.isin(np.arange(len(table)), indices)))
        for table, indices in zip(tables, chosen, strict=True)
    ]
    val = [table.subset(indices) for table, indices in zip(tables, chosen, strict=True)]
    if len(tables) == 1:
        return Split(train[0], val[0])
    return Split(Mixture(train, turns), Mixture([table for table in val if len(table)]))


def choose_held_out(
    tables: Sequence[PathTable], *, val_fraction: float, max_val_photos: int
) -> list[NDArray[np.int64]]:
    """For each folder the indices of the photos to hold out, rising; see ``folder_split``."""
    hashes = [_hashes(table) for table in tables]
    candidates = []
    for folder, values in enumerate(hashes):
        largest = values.argmax()
        candidates += [
            (int(value), folder, index)
            for index, value in _smallest(values, max_val_photos)
            if index != largest  # stays for training
        ]
    threshold = int(val_fraction * 2 ** (8 * _HASH_BYTES))
    candidates.sort()
    below = [candidate for candidate in candidates if candidate[0] < threshold]
    chosen = (below or candidates[:1])[:max_val_photos]
    return [
        np.array(sorted(index for _, owner, index in chosen if owner == folder), dtype=np.int64)
        for folder in range(len(tables))
    ]


def check_held_out_share(val_fraction: float, max_val_photos: int) -> None:
    """``UserError`` for a share that is not between 0 and 1 or a limit below 1."""
    if not isinstance(val_fraction, (int, float)) or not 0 < val_fraction < 1:
        raise UserError(f"data.val_fraction={val_fraction!r}: give a number between 0 and 1, such as 0.05")
    if not isinstance(max_val_photos, int) or max_val_photos < 1:
        raise UserError(f"data.max_val_photos={max_val_photos!r}: give a whole number from 1 on, such as 32")


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


def _folders(train_dir: Folders) -> tuple[list[str | Path], tuple[int, ...] | None]:
    """The folders, and how many samples in turn each gives if there are weights."""
    if isinstance(train_dir, (str, Path)):
        return [train_dir], None
    remedy = "give a folder, a list [my/a,my/b] or folders with weights {my/a: 3, my/b: 1}"
    if isinstance(train_dir, (int, float)):
        raise UserError(f"data.train_dir={train_dir} names no folder: put quotes round digits, or {remedy}")
    if not isinstance(train_dir, (Mapping, Sequence)) or not train_dir:
        raise UserError(f"data.train_dir={train_dir!r} names no folder: {remedy}")
    pairs = [_pair(item) for item in (train_dir.items() if isinstance(train_dir, Mapping) else train_dir)]
    for folder, _ in pairs:
        if not isinstance(folder, (str, Path)):
            raise UserError(f"data.train_dir={train_dir!r}: {folder!r} is no folder: {remedy}")
    folders, weights = [folder for folder, _ in pairs], [weight for _, weight in pairs]
    if all(weight is None for weight in weights):
        return folders, None
    return folders, turns_of(weights, option="data.train_dir")


def _pair(item: Any) -> tuple[Any, Any]:
    """A folder and its weight; None is without one."""
    is_pair = isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2
    return (item[0], item[1]) if is_pair else (item, None)


def _hashes(table: PathTable) -> NDArray[np.uint64]:
    digests = b"".join(blake2b(raw, digest_size=_HASH_BYTES).digest() for raw in table.raw())
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)


def _smallest(values: NDArray[np.uint64], most: int) -> list[tuple[int, int]]:
    """(index, value) of up to ``most`` + 1 smallest values."""
    count = min(most + 1, len(values))
    nearest = np.argpartition(values, count - 1)[:count]
    return [(int(index), int(values[index])) for index in nearest]
