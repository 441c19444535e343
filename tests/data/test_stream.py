from __future__ import annotations

from collections import Counter
from itertools import chain, islice

import numpy as np
import pytest
from scipy import stats

from esrgan_train.data import stream
from esrgan_train.data.stream import Purpose, RankStridedSampler, Run, photo_index, sample_rng


def test_a_sample_has_the_same_numbers_in_any_order() -> None:
    forwards = [sample_rng(3, n).random() for n in range(20)]
    backwards = [sample_rng(3, n).random() for n in reversed(range(20))]
    assert forwards == backwards[::-1]


def test_numbers_are_those_of_philox_at_that_counter() -> None:
    # The counter is one 256-bit number: n counts in units of 2^64 blocks, attempt in 2^128, purpose in 2^192.
    counter = (2 << 192) + (7 << 128) + (5 << 64)
    reference = np.random.Philox(key=11, counter=counter).random_raw(8)
    generator = sample_rng(11, 5, 7, Purpose.PERMUTATION).bit_generator
    assert isinstance(generator, np.random.Philox)
    assert np.array_equal(generator.random_raw(8), reference)


def test_seed_n_attempt_and_purpose_all_matter() -> None:
    streams = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 0, 0, 2)]
    blocks = [
        sample_rng(seed, n, attempt, Purpose(purpose)).integers(2**63, size=1000)
        for seed, n, attempt, purpose in streams
    ]
    assert len(set(np.concatenate(blocks).tolist())) == 1000 * len(streams)


def test_first_numbers_of_successive_samples_are_uniform_and_independent() -> None:
    first = np.array([sample_rng(0, n).random() for n in range(4000)])
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.05


def test_every_epoch_shows_each_photo_once_in_a_new_order() -> None:
    epochs = [[photo_index(0, 7 * epoch + i, 7) for i in range(7)] for epoch in range(30)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 25
    first = Counter(epoch[0] for epoch in epochs)
    assert len(first) >= 5
    assert [photo_index(1, i, 7) for i in range(21)] != list(chain(*epochs[:3]))


def test_photo_index_does_not_depend_on_what_was_asked_before() -> None:
    asked = [photo_index(5, n, 13) for n in (0, 100, 3, 40, 100)]
    assert asked[1] == asked[4] == photo_index(5, 100, 13)
    assert photo_index(5, 3, 13) == asked[2]


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_processes_together_take_each_number_once(world_size: int) -> None:
    samplers = [RankStridedSampler(start=10, rank=r, world_size=world_size) for r in range(world_size)]
    taken = [list(islice(iter(sampler), 4)) for sampler in samplers]
    assert sorted(chain(*taken)) == list(range(10, 10 + 4 * world_size))
    assert taken[-1][0] == 10 + world_size - 1


def test_repeated_samples_are_shared_too() -> None:
    ranks = [list(islice(RankStridedSampler(start=2, rank=rank, world_size=2, repeat=3), 4)) for rank in (0, 1)]
    assert ranks == [[2, 1, 0, 2], [0, 2, 1, 0]]


def test_the_largest_key_works() -> None:
    assert 0 <= sample_rng(2**32 - 1, 0).random() < 1


def test_photos_of_a_few_runs_are_taken_before_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "TOGETHER", 100)
    runs = tuple(Run(photos, 10 + photos) for photos in (5, 3, 8, 1, 9, 4, 7, 6, 2, 5))
    total, owner = 50, np.repeat(np.arange(len(runs)), [run.photos for run in runs])
    epochs = [[photo_index(7, epoch * total + n, total, runs=runs) for n in range(total)] for epoch in range(3)]
    for order in epochs:
        assert sorted(order) == list(range(total))
        visits = {run: [place for place, photo in enumerate(order) if owner[photo] == run] for run in range(10)}
        groups: list[set[int]] = []
        for run in sorted(visits, key=lambda run: visits[run][0]):
            span = set(range(visits[run][0], visits[run][-1] + 1))
            if groups and groups[-1] & span:
                groups[-1] |= span
            else:
                groups.append(span)
        assert len(groups) >= 2
        for group in groups:
            together = {int(owner[order[place]]) for place in group}
            assert sum(runs[run].bytes for run in together) <= 100
    assert len({tuple(order) for order in epochs}) == 3
    assert epochs[1][0] == photo_index(7, total, total, runs=runs)
    other = [photo_index(7, n, total, folder=1, runs=runs) for n in range(total)]
    assert other != epochs[0]
