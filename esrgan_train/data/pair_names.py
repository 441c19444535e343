"""Which LR photo belongs to which HR photo, by their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable

SWAP = "swap the two folders (data.train_dir, data.val_dir and data.pairs_dir hold HR, options with lr in them LR)"

_NAMED = 3  # photos without a partner that a message names


class Side(NamedTuple):
    """The photos of one side, and the option that names their folder."""

    table: PathTable
    option: str

    def __str__(self) -> str:
        return f"{self.option}={self.table.root}"

    def by_stem(self, change: Callable[[str], str] = str) -> dict[str, list[int]]:
        """The photos' indices by relative path without suffix, its last part changed."""
        found: dict[str, list[int]] = {}
        for index in range(len(self.table)):
            path = PurePosixPath(self.table.relative(index))
            found.setdefault((path.parent / change(path.stem)).as_posix(), []).append(index)
        return found


def match(lr: Side, hr: Side, *, upscale: int) -> tuple[PathTable, PathTable, list[str]]:
    """The LR and HR photos that have a partner, in the order of HR, and lines about those that have none.

    Partners have the same relative path without its suffix. Where that finds none, endings that the field's
    data sets use are tried: ``0001x4``, ``0001_x4``, ``0001_LRx4`` and ``0001_LR`` belong to ``0001`` and to
    ``0001_HR``. ``upscale`` is the number behind the x.

    Raises:
        UserError: no photo has a partner, or a name stands for two files.
    """
    ending = re.compile(rf"([._-]?lr)?[._-]?x{upscale}$|[._-]lr$", re.IGNORECASE)
    by_name, by_base = lr.by_stem(), lr.by_stem(lambda stem: ending.sub("", stem))
    hr_names = hr.by_stem()
    partner: dict[int, int] = {}  # LR → HR
    for stem, indices in hr_names.items():
        base = re.sub(r"[._-]hr$", "", stem, flags=re.IGNORECASE)
        found = by_name.get(stem) or by_base.get(base) or []
        if not found:
            continue
        _refuse_several(hr, indices, f"are both named like {stem}")
        _refuse_several(lr, found, f"are both named like {stem}")
        if found[0] in partner:
            both = [partner[found[0]], indices[0]]
            _refuse_several(hr, both, f"are both the partner of {lr.table.relative(found[0])}")
        partner[found[0]] = indices[0]
    if not partner:
        raise _nothing_in_common(lr, hr, swapped=any(by_name.get(ending.sub("", stem)) for stem in hr_names))
    pairs = sorted(partner.items(), key=lambda pair: pair[1])
    chosen_lr, chosen_hr = ([pair[side] for pair in pairs] for side in (0, 1))
    remarks = [*_left_out(hr, chosen_hr, lr.option), *_left_out(lr, chosen_lr, hr.option)]
    return lr.table.subset(chosen_lr), hr.table.subset(chosen_hr), remarks


def _refuse_several(side: Side, found: Sequence[int], why: str) -> None:
    if len(found) > 1:
        one, other = (side.table.relative(index) for index in found[:2])
        raise UserError(f"{side}: {one} and {other} {why}: keep one of them")


def _nothing_in_common(lr: Side, hr: Side, *, swapped: bool) -> UserError:
    first = hr.table.relative(0)
    if swapped:
        return UserError(f"{hr} has the names of LR photos, such as {first}: {SWAP}")
    return UserError(
        f"{lr} and {hr} have no photo in common: name both sides of a pair alike ({first} has no partner; the "
        f"first LR photo is {lr.table.relative(0)})"
    )


def _left_out(side: Side, chosen: Sequence[int], other: str) -> list[str]:
    alone = np.setdiff1d(np.arange(len(side.table)), chosen).tolist()
    if not alone:
        return []
    named = ", ".join(side.table.relative(index) for index in alone[:_NAMED])
    more = f" and {len(alone) - _NAMED:,} more" if len(alone) > _NAMED else ""
    count = f"{side.option}: {len(alone):,} of {len(side.table):,} photos"
    return [f"{count} have no partner in {other} and are left out: {named}{more}"]
