"""The endless stream of samples, as a pure function of the seed and the sample number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from functools import cache, lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler


class Purpose(IntEnum):
    """What random numbers are for; each purpose has numbers of its own."""

    TRAIN = 0
    VALIDATION = 1
    PERMUTATION = 2
    TURNS = 3


def sample_rng(seed: int, n: int, attempt: int = 0, purpose: Purpose = Purpose.TRAIN) -> np.random.Generator:
    """The random numbers of sample ``n``, in whichever process and order they are drawn.

    Philox is a keyed function of a 256-bit counter: Salmon et al., "Parallel random numbers: as easy as
    1, 2, 3", 2011. Here the seed is the key, and the counter's four words are (blocks drawn so far, n,
    attempt, purpose), so no two samples share a number before 2⁶⁴ blocks are drawn.

    Args:
        seed: 0 to 2³² − 1.
        n: sample number, from 0.
        attempt: how many photos of this sample could not be read.
        purpose: what the numbers are for.
    """
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, n, attempt, purpose]))


def photo_index(seed: int, n: int, num_photos: int, folder: int = 0) -> int:
    """The photo of sample ``n``: every epoch of ``num_photos`` samples shows each photo once, reshuffled.

    With several folders, each has an order of its own, and ``n`` counts the samples taken from this one.
    """
    epoch, position = divmod(n, num_photos)
    return int(_permutations(folder)(seed, epoch, num_photos)[position])


@cache  # one entry per folder
def _permutations(folder: int) -> Callable[[int, int, int], NDArray[np.int64]]:
    @lru_cache(maxsize=2)  # the samples at the end of an epoch and at the start of the next interleave
    def permutation(seed: int, epoch: int, num_photos: int) -> NDArray[np.int64]:
        order = sample_rng(seed, epoch, attempt=folder, purpose=Purpose.PERMUTATION).permutation(num_photos)
        return order.astype(np.int64, copy=False)

    return permutation


def folder_turn(seed: int, n: int, turns: Sequence[int]) -> tuple[int, int]:
    """Which of several folders sample ``n`` comes from, and how many samples before it came from there.

    Of every sum(turns) samples, ``turns[f]`` come from folder f, in an order drawn for each block. So the
    count before ``n`` needs no walk through the stream.
    """
    block, position = divmod(n, sum(turns))
    order = _turns(seed, block, tuple(turns))
    folder = int(order[position])
    return folder, block * turns[folder] + int(np.count_nonzero(order[:position] == folder))


@lru_cache(maxsize=4)
def _turns(seed: int, block: int, turns: tuple[int, ...]) -> NDArray[np.int64]:
    order = np.repeat(np.arange(len(turns)), turns)
    return sample_rng(seed, block, purpose=Purpose.TURNS).permutation(order)


class RankStridedSampler(Sampler[int]):
    """Yields start + rank, start + rank + world_size, … without end.

    Together the processes take each sample number once, in order: process ``rank`` of ``world_size`` has
    every ``world_size``-th.

    Args:
        start: the first sample number.
        rank: this process, from 0.
        world_size: number of processes.
        repeat: sample n is sample n mod ``repeat``; None repeats none.
    """

    def __init__(self, *, start: int, rank: int = 0, world_size: int = 1, repeat: int | None = None) -> None:
        assert start >= 0, start
        assert 0 <= rank < world_size, (rank, world_size)
        self.start = start
        self.rank = rank
        self.world_size = world_size
        self.repeat = repeat

    def __iter__(self) -> Iterator[int]:
        numbers = count(self.start + self.rank, self.world_size)
        return numbers if self.repeat is None else (n % self.repeat for n in numbers)
