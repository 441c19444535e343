"""Which file of a folder of LR photos belongs to which file of a folder of HR photos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from esrgan_train.data.folder import check_held_out_share, choose_held_out, refuse_overlap
from esrgan_train.data.preflight import Preflight, spread
from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError, read_header
from esrgan_train.images.find import PathTable, find_photos

_NAMED = 3  # partners missing that a message names
_SWAP = "swap the two folders (data.train_dir and data.val_dir hold HR, data.train_lr_dir and data.val_lr_dir LR)"


class PairTables(NamedTuple):
    """Two tables of equal length: the photos at one index are a pair."""

    lr: PathTable
    hr: PathTable

    def subset(self, indices: Sequence[int]) -> PairTables:
        """The pairs at ``indices``, in that order."""
        return PairTables(self.lr.subset(indices), self.hr.subset(indices))


class PairedSplit(NamedTuple):
    """Pairs to train on, pairs held out, and lines about photos that are passed over or have no partner."""

    train: PairTables
    val: PairTables
    remarks: list[str]


def paired_split(
    *,
    train_dir: str | Path,
    train_lr_dir: str | Path,
    val_dir: str | Path | None,
    val_lr_dir: str | Path | None,
    val_fraction: float,
    max_val_photos: int,
    upscale: int,
) -> PairedSplit:
    """Pairs below two folders, of which some are held out unless two folders of others are given.

    Args:
        train_dir: folder of HR photos, searched recursively.
        train_lr_dir: folder of the LR photos of the same relative paths; see ``match``.
        val_dir: folder of HR photos that are held out; None holds out some of the others, as ``folder_split``.
        val_lr_dir: folder of their LR photos.
        val_fraction: share held out without ``val_dir``, between 0 and 1.
        max_val_photos: most pairs held out without ``val_dir``.
        upscale: HR pixels per LR pixel.

    Raises:
        UserError: a folder is missing or empty, folders overlap, no photo has a partner, names are ambiguous,
            only one of ``val_dir`` and ``val_lr_dir`` is given, or a number is out of bounds.
    """
    check_held_out_share(val_fraction, max_val_photos)
    for option, folder in (("data.train_dir", train_dir), ("data.train_lr_dir", train_lr_dir)):
        if not isinstance(folder, (str, Path)):
            raise UserError(f"{option}={folder!r}: data=paired takes one folder: give its path")
    if (val_dir is None) != (val_lr_dir is None):
        given, lacking = ("val_dir", "val_lr_dir") if val_lr_dir is None else ("val_lr_dir", "val_dir")
        raise UserError(f"data.{given} is given without data.{lacking}: give both, or neither")
    given_dirs = {"data.train_dir": train_dir, "data.train_lr_dir": train_lr_dir}
    if val_dir is not None and val_lr_dir is not None:
        given_dirs |= {"data.val_dir": val_dir, "data.val_lr_dir": val_lr_dir}
    passed_over: list[str] = []
    tables = {
        option: find_photos(folder, option=option, say=passed_over.append) for option, folder in given_dirs.items()
    }
    refuse_overlap({option: [Path(folder)] for option, folder in given_dirs.items()})
    pairs, remarks = match(
        tables["data.train_lr_dir"],
        tables["data.train_dir"],
        upscale=upscale,
        options=("data.train_lr_dir", "data.train_dir"),
    )
    if "data.val_dir" in tables:
        val, more = match(
            tables["data.val_lr_dir"],
            tables["data.val_dir"],
            upscale=upscale,
            options=("data.val_lr_dir", "data.val_dir"),
        )
        return PairedSplit(pairs, val, passed_over + remarks + more)
    if len(pairs.hr) < 2:
        raise UserError(
            f"data.train_dir={train_dir} holds one pair, and one must be held out: add pairs, or give "
            "data.val_dir and data.val_lr_dir"
        )
    (held_out,) = choose_held_out([pairs.hr], val_fraction=val_fraction, max_val_photos=max_val_photos)
    rest = np.flatnonzero(~np.isin(np.arange(len(pairs.hr)), held_out))
    return PairedSplit(pairs.subset(rest.tolist()), pairs.subset(held_out.tolist()), passed_over + remarks)


def match(lr: PathTable, hr: PathTable, *, upscale: int, options: tuple[str, str]) -> tuple[PairTables, list[str]]:
    """Pairs in the order of HR, and lines that count and name the photos without a partner.

    Partners have the same relative path without its suffix. Where that finds none, endings that the field's
    data sets use are looked through: ``0001x4``, ``0001_x4``, ``0001_LRx4`` and ``0001_LR`` belong to ``0001``
    and ``0001_HR``.

    Args:
        lr: the LR photos.
        hr: the HR photos.
        upscale: the number behind the x.
        options: where the two come from, for the messages.

    Raises:
        UserError: no photo has a partner, or a name stands for two files.
    """
    ending = re.compile(rf"([._-]?lr)?[._-]?x{upscale}$|[._-]lr$", re.IGNORECASE)
    by_name = _by_key(lr, lambda stem: stem)
    by_base = _by_key(lr, lambda stem: ending.sub("", stem))
    hr_names = _by_key(hr, lambda stem: stem)
    chosen: list[tuple[int, int]] = []
    without: list[int] = []
    taken: dict[int, int] = {}
    for stem, (index, *others) in hr_names.items():
        base = re.sub(r"[._-]hr$", "", stem, flags=re.IGNORECASE)
        found = by_name.get(stem) or by_base.get(base) or []
        if found and (others or len(found) > 1):
            table, several = (hr, [index, *others]) if others else (lr, found)
            raise UserError(
                f"{options[table is hr]}={table.root}: {table.relative(several[0])} and "
                f"{table.relative(several[1])} are both named like {stem}: keep one of them"
            )
        if not found:
            without += [index, *others]
        elif found[0] in taken:
            raise UserError(
                f"{options[1]}={hr.root}: {hr.relative(taken[found[0]])} and {hr.relative(index)} are both the "
                f"partner of {lr.relative(found[0])}: keep one of them"
            )
        else:
            taken[found[0]] = index
            chosen.append((found[0], index))
    if not chosen and any(by_name.get(ending.sub("", stem)) for stem in hr_names):
        raise UserError(f"{options[1]}={hr.root} has the names of LR photos, such as {hr.relative(0)}: {_SWAP}")
    if not chosen:
        raise UserError(
            f"{options[0]}={lr.root} and {options[1]}={hr.root} have no photo in common: name both sides of a "
            f"pair alike ({hr.relative(0)} has no partner; the first LR photo is {lr.relative(0)})"
        )
    chosen.sort(key=lambda pair: pair[1])
    alone = np.setdiff1d(np.arange(len(lr)), [pair[0] for pair in chosen])
    remarks = [
        _remark(options[1], hr, sorted(without), options[0]),
        _remark(options[0], lr, alone.tolist(), options[1]),
    ]
    pairs = PairTables(lr.subset([pair[0] for pair in chosen]), hr.subset([pair[1] for pair in chosen]))
    return pairs, [remark for remark in remarks if remark]


def size_mismatch(
    pairs: PairTables, index: int, lr_size: Sequence[int], hr_size: Sequence[int], upscale: int
) -> str | None:
    """What is wrong with the sizes, given as (width, height), and how to mend it; None if nothing is."""
    width, height = (length * upscale for length in lr_size)
    if (width, height) == tuple(hr_size):
        return None
    if min(lr_size) > min(hr_size) and max(lr_size) > max(hr_size):
        return (
            f"{pairs.hr[index]} of {hr_size[0]} × {hr_size[1]} is smaller than its LR {pairs.lr[index]} of "
            f"{lr_size[0]} × {lr_size[1]}: {_SWAP}, or remove the pair if it is the only one"
        )
    larger = (
        hr_size[0] >= width and hr_size[1] >= height and max(hr_size[0] - width, hr_size[1] - height) < upscale
    )
    if larger:
        remedy = f"cut it to {width} × {height} if LR was made from that part, or make LR anew"
    else:
        ratio = hr_size[0] / lr_size[0]
        fits = ratio == hr_size[1] / lr_size[1] and ratio.is_integer()
        remedy = f"give upscale={int(ratio)}, or make LR anew" if fits else "make LR anew, or remove the pair"
    return (
        f"{pairs.hr[index]} is {hr_size[0]} × {hr_size[1]}, but upscale={upscale} times its LR "
        f"{pairs.lr[index]} of {lr_size[0]} × {lr_size[1]} is {width} × {height}: {remedy}"
    )


def look_at_pairs(pairs: PairTables, *, upscale: int, least: int) -> Preflight:
    """Read both headers of up to 1000 pairs, evenly spread.

    Args:
        pairs: at least one.
        upscale: HR pixels per LR pixel.
        least: HR pixels below which a pair counts as small.

    Raises:
        UserError: the first pair of a wrong scale.
    """
    small, several, unreadable, looked_at = 0, 0, [], 0
    for index in spread(len(pairs.hr)):
        looked_at += 1
        try:
            lr, hr = read_header(pairs.lr[index]), read_header(pairs.hr[index])
        except UnreadableImageError as error:
            unreadable.append(error)
            continue
        # One side may be stored turned; whether it is then seen turned is found when it is decoded.
        problem = size_mismatch(pairs, index, lr.size, hr.size, upscale)
        if problem and size_mismatch(pairs, index, lr.size, hr.size[::-1], upscale):
            raise UserError(problem)
        small += min(hr.size) < least
        several += lr.several or hr.several
    return Preflight(looked_at, small, unreadable, several)


def _by_key(table: PathTable, key: object) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index in range(len(table)):
        path = PurePosixPath(table.relative(index))
        found.setdefault((path.parent / key(path.stem)).as_posix(), []).append(index)  # type: ignore[operator]
    return found


def _remark(option: str, table: PathTable, alone: Sequence[int], other: str) -> str | None:
    if not len(alone):
        return None
    named = ", ".join(table.relative(index) for index in alone[:_NAMED])
    more = f" and {len(alone) - _NAMED:,} more" if len(alone) > _NAMED else ""
    count = f"{option}: {len(alone):,} of {len(table):,} photos"
    return f"{count} have no partner in {other} and are left out: {named}{more}"
