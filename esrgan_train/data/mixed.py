"""The source of ``data=mixed``: photos whose LR is made, and pairs, in a ratio."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from esrgan_train.bounds import Count, NonNegative, Wanted, bounded
from esrgan_train.data.folders import MOST_TURNS, Folders, open_photos, refuse_overlap
from esrgan_train.data.held_out import HeldOutShare
from esrgan_train.data.pairs import OneFolder, PairFolders, open_pairs
from esrgan_train.data.photos import Joined, join
from esrgan_train.data.reading import CACHE_GB, CacheFolder, Order, Reading
from esrgan_train.data.sources import Source, Sources
from esrgan_train.data.stream import folder_turn
from esrgan_train.errors import UserError
from esrgan_train.remote.store import PATIENCE

PairsShare = Annotated[
    float,
    Gt(0),
    Lt(1),
    Wanted("a number between 0 and 1 such as 0.3, or data=folder for photos alone, data=paired for pairs alone"),
]


class Mixed(Joined):
    """Photos and pairs, each in the order that they have by themselves.

    Of every sum(turns) samples, the first of ``turns`` says how many come from ``photos``, the second from
    ``pairs``; which ones, is drawn for each such block. A photo that cannot be read is replaced by another of its
    kind, so the ratio stays.
    """

    def __init__(self, photos: Source, pairs: Source, *, turns: tuple[int, int]) -> None:
        super().__init__([photos, pairs], turns=turns)

    @property
    def kinds(self) -> tuple[Source, ...]:
        """The photos and the pairs."""
        return self.parts

    @property
    def packing(self) -> tuple[str, ...]:
        """That of the photos, which ``data.train_dir`` names; pairs are another set."""
        return self.parts[0].packing

    def name(self, index: int) -> str:
        """As in its part; pairs are called so."""
        part, inside = self._locate(index)
        name = self.parts[part].name(inside)
        return f"pair {name}" if self.parts[part].paired else name

    def photo_of(self, seed: int, n: int) -> int:
        """The next photo or the next pair."""
        part, taken = self._turn(seed, n)
        return int(self._ends[part]) + self.parts[part].photo_of(seed, taken)

    def replacement_of(self, seed: int, n: int, attempt: int, rng: np.random.Generator) -> int:
        """Another photo or pair, as ``n`` takes."""
        part, taken = self._turn(seed, n)
        return int(self._ends[part]) + self.parts[part].replacement_of(seed, taken, attempt, rng)

    def _turn(self, seed: int, n: int) -> tuple[int, int]:
        assert self.turns is not None
        return folder_turn(seed, n, self.turns, level=1)  # weighted folders of photos have turns of their own


@bounded
def mixed_photos(
    *,
    train_dir: Folders,
    pairs_dir: OneFolder,
    pairs_lr_dir: OneFolder | None,
    pairs_val_dir: OneFolder | None,
    pairs_val_lr_dir: OneFolder | None,
    pairs_share: PairsShare,
    val_fraction: HeldOutShare,
    max_val_photos: Count,
    upscale: int,
    order: Order = "auto",
    remote_cache_gb: NonNegative = CACHE_GB,
    remote_cache_dir: CacheFolder = None,
    remote_patience: NonNegative = PATIENCE,
) -> Sources:
    """Photos as ``folder_photos`` takes them, and pairs as ``paired_photos`` does; only pairs are held out.

    Args:
        train_dir: photos, all of which are trained on.
        pairs_dir: HR photos of pairs, or a packed set of pairs.
        pairs_lr_dir: their LR photos.
        pairs_val_dir: HR photos of held-out pairs; None: some of the others are held out.
        pairs_val_lr_dir: their LR photos.
        pairs_share: share of the samples that come from pairs.
        val_fraction: share of the pairs held out without ``pairs_val_dir``; see ``hold_out``.
        max_val_photos: most pairs held out without it.
        upscale: of the pairs.
        order: of the photos of packed sets; for this and the others see ``Reading``.
        remote_cache_gb: bytes of the cache of sets that lie elsewhere, in GB.
        remote_cache_dir: its folder.
        remote_patience: seconds for which what does not come is tried.

    Raises:
        UserError: as these two, or photos and pairs overlap.
    """
    turns = turns_of_share(pairs_share)
    reading = Reading(order, remote_cache_gb, remote_cache_dir, remote_patience)
    remarks: list[str] = []
    photos, weights, places = open_photos(train_dir, remarks, reading)
    (pairs, held_out, about_pairs), pair_places = open_pairs(
        PairFolders("data.pairs_dir", pairs_dir, "data.pairs_lr_dir", pairs_lr_dir),
        PairFolders("data.pairs_val_dir", pairs_val_dir, "data.pairs_val_lr_dir", pairs_val_lr_dir),
        val_fraction=val_fraction,
        max_val_photos=max_val_photos,
        upscale=upscale,
        reading=reading,
    )
    refuse_overlap([*places, *pair_places])
    return Sources(Mixed(join(photos, turns=weights), pairs, turns=turns), held_out, (*remarks, *about_pairs))


def turns_of_share(share: float) -> tuple[int, int]:
    """How many photos and how many pairs a block of samples takes: 0.3 becomes 7 and 3.

    Raises:
        UserError: the share takes too large numbers.
    """
    exact = Fraction(str(share))
    if exact.denominator > MOST_TURNS:
        raise UserError(
            f"data.pairs_share={share} is exact only after {exact.denominator:,} samples, the limit is "
            f"{MOST_TURNS:,}: give a rounder one, such as 0.3"
        )
    return exact.denominator - exact.numerator, exact.numerator
