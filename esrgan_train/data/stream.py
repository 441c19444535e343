"""The endless stream of samples, as a pure function of the seed and the sample number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

# Counted up whenever sample n is no longer what it was, for the same photos and options; kept in checkpoints.
# 2: windows at scales below 1 are the same pixels whether they are cut from the resized photo or resized alone,
#    and a degradation is drawn before it is carried out.
STREAM_VERSION = 2

TOGETHER = 2**32  # bytes of runs whose photos are shuffled together: far more than a batch, and a cache holds them


class Purpose(IntEnum):
    """What random numbers are for: each purpose has its own."""

    TRAIN = 0
    VALIDATION = 1
    PERMUTATION = 2
    TURNS = 3
    ORIENTATION = 4
    AUGMENTATION = 5
    PARTNER = 6
    PARTNER_ORIENTATION = 7


def sample_rng(seed: int, n: int, attempt: int = 0, purpose: Purpose = Purpose.TRAIN) -> np.random.Generator:
    """The random numbers of sample ``n``, of which ``attempt`` photos could not be read; or of a photo's draw.

    Philox is a keyed function of a 256-bit counter: Salmon et al., "Parallel random numbers: as easy as
    1, 2, 3", 2011. Here the seed is the key, and the counter's four words are (blocks drawn so far, n,
    attempt, purpose), so no two samples share a number before 2⁶⁴ blocks are drawn.
    """
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, n, attempt, purpose]))


class Run(NamedTuple):
    """Successive photos that lie together: how many, and in how many bytes."""

    photos: int
    bytes: int


def photo_index(seed: int, n: int, num_photos: int, folder: int = 0, runs: tuple[Run, ...] = ()) -> int:
    """The photo of sample ``n``: every epoch of ``num_photos`` samples shows each photo once, reshuffled.

    With weighted folders, each has its own order, and ``n`` counts the samples taken from this one. With ``runs``,
    into which the photos are divided, an epoch takes them in a random order, a few at a time, up to ``TOGETHER``
    bytes; the photos of these are shuffled.
    """
    epoch, position = divmod(n, num_photos)
    return int(_permutations(folder)(seed, epoch, num_photos, runs)[position])


@cache  # one entry per folder
def _permutations(folder: int) -> Callable[[int, int, int, tuple[Run, ...]], NDArray[np.int64]]:
    # The samples at the end of an epoch and at the start of the next interleave, and so do those of two kinds.
    @lru_cache(maxsize=4)
    def permutation(seed: int, epoch: int, num_photos: int, runs: tuple[Run, ...]) -> NDArray[np.int64]:
        rng = sample_rng(seed, epoch, attempt=folder, purpose=Purpose.PERMUTATION)
        order = _by_runs(rng, runs) if runs else rng.permutation(num_photos)
        return order.astype(np.int64, copy=False)

    return permutation


def _by_runs(rng: np.random.Generator, runs: Sequence[Run]) -> NDArray[np.int64]:
    ends = np.cumsum([run.photos for run in runs])
    order: list[list[NDArray[np.int64]]] = []
    held = math.inf
    for number in rng.permutation(len(runs)):
        photos, size = runs[number]
        if held + size > TOGETHER:
            order.append([])
            held = 0
        order[-1].append(np.arange(ends[number] - photos, ends[number]))
        held += size
    return np.concatenate([rng.permutation(np.concatenate(some)) for some in order])


def folder_turn(seed: int, n: int, turns: Sequence[int], *, level: int = 0) -> tuple[int, int]:
    """Which folder sample ``n`` comes from, and how many samples before it came from there.

    Of every sum(turns) samples, ``turns[f]`` come from folder f, in an order drawn for each such block. Turns
    within turns have another ``level``, and are drawn by themselves.
    """
    block, position = divmod(n, sum(turns))
    order = _turns(seed, block, tuple(turns), level)
    folder = int(order[position])
    return folder, block * turns[folder] + int(np.count_nonzero(order[:position] == folder))


@lru_cache(maxsize=4)
def _turns(seed: int, block: int, turns: tuple[int, ...], level: int) -> NDArray[np.int64]:
    order = np.repeat(np.arange(len(turns)), turns)
    return sample_rng(seed, block, attempt=level, purpose=Purpose.TURNS).permutation(order)


@dataclass(frozen=True, kw_only=True)
class RankStridedSampler(Sampler[int]):
    """Yields start + rank, start + rank + world_size, … without end: together the processes take each number once.

    With ``repeat``, sample n is sample n mod ``repeat``.
    """

    start: int
    rank: int = 0
    world_size: int = 1
    repeat: int | None = None

    def __iter__(self) -> Iterator[int]:
        numbers = count(self.start + self.rank, self.world_size)
        return numbers if self.repeat is None else (n % self.repeat for n in numbers)
