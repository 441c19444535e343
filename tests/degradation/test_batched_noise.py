"""Noise of the batched renderer: the same distribution as on the CPU, and of nothing but its key."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from esrgan_train.degradation.batched.noise import BatchedNoise, distinct, normal, uniform_numbers
from esrgan_train.degradation.batched.poisson import PEAKS, poisson_tables
from esrgan_train.degradation.drawing import Noise
from esrgan_train.degradation.noise import add_noise

CPU = torch.device("cpu")


@pytest.mark.parametrize("peak", range(len(PEAKS)), ids=str)
def test_the_tables_hold_the_poisson_distribution(peak: int):
    own, other = (table.double().view(len(PEAKS), 256, -1)[peak] for table in poisson_tables())
    width = own.shape[1]
    found = own / width
    found = found.scatter_add(1, other.long(), (1 - own) / width)
    means = np.arange(256)[:, None] / 255 * PEAKS[peak]
    counts = np.arange(width)
    np.testing.assert_allclose(found.numpy(), stats.poisson.pmf(counts, means), rtol=0, atol=2.0**-24)
    np.testing.assert_allclose(found.cumsum(1).numpy(), stats.poisson.cdf(counts, means), rtol=0, atol=2.0**-24)
    # Whole parts that a uniform number of 24 bits can hit, and none for what never happens.
    assert torch.equal(own * 2**15, (own * 2**15).round())
    assert not found.numpy()[stats.poisson.pmf(counts, means) < 1e-12].any()


@pytest.mark.parametrize("power", [0, 3, 8])
def test_photons_are_counted_as_numpy_counts_them(power: int):
    """Through the whole of it, by the first four moments and chi-square: an even picture for each level."""
    for level in (0, 1, 37, 128, 254, 255):
        image = torch.full((1, 3, 256, 256), level / 255)
        # So many values that the peak is 2^power; they take few pixels.
        values = [level, *(value for value in range(256) if value != level)][: 2**power]
        image.flatten()[: 2**power] = torch.tensor(values) / 255
        noise = BatchedNoise().shot_noise(
            image, torch.ones(1, 1, 256, 256, dtype=torch.bool), uniform_numbers([level + 7], (256, 256), CPU)
        )
        photons = ((noise + image) * 2**power).round().long().flatten()[2**power :].numpy()
        assert np.abs(((noise + image) * 2**power).flatten().numpy()[2**power :] - photons).max() < 1e-2
        mean = level / 255 * 2**power
        if level == 0:
            assert not photons.any()
            continue
        expected = stats.poisson(mean)
        counts = np.arange(int(expected.ppf(1e-4)), int(expected.ppf(1 - 1e-4)) + 1)
        seen = [
            (photons < counts[0]).sum(),
            *((photons == count).sum() for count in counts),
            (photons > counts[-1]).sum(),
        ]
        chances = [expected.cdf(counts[0] - 1), *expected.pmf(counts), expected.sf(counts[-1])]
        kept = np.array(chances) > 1e-6
        seen, chances = np.array(seen)[kept], np.array(chances)[kept]
        assert stats.chisquare(seen, chances / chances.sum() * seen.sum()).pvalue > 1e-4
        error = (mean / len(photons)) ** 0.5
        assert photons.mean() == pytest.approx(mean, abs=5 * error)
        assert photons.var() == pytest.approx(mean, rel=0.03, abs=0.01 * mean + 1e-4)
        theirs = np.random.default_rng(1).poisson(mean, photons.size)
        assert stats.skew(photons) == pytest.approx(stats.skew(theirs), abs=0.1 + 0.1 * stats.skew(theirs))
        assert stats.kurtosis(photons) == pytest.approx(stats.kurtosis(theirs), abs=0.1 + 0.3 / mean)


def test_normal_numbers_are_normal():
    numbers = normal(uniform_numbers([7], (256, 256), CPU)).flatten().numpy()
    assert stats.kstest(numbers, "norm").pvalue > 1e-3
    assert numbers.std() == pytest.approx(1, abs=0.01)
    assert stats.skew(numbers) == pytest.approx(0, abs=0.03)
    assert stats.kurtosis(numbers) == pytest.approx(0, abs=0.06)
    ends = normal(torch.tensor([0, 1 - 2**-24]))  # what a uniform number can be at most
    assert ends.isfinite().all()
    assert 5 < ends[1] < 7
    # The function is even where float32 can tell, and right to its digits within four standard deviations.
    middle = torch.linspace(1e-4, 1 - 1e-4, 1001)
    torch.testing.assert_close(
        normal(middle).double(), torch.from_numpy(stats.norm.ppf(middle.double() + 2**-25)), rtol=0, atol=2e-4
    )


def test_pixels_and_channels_have_nothing_to_do_with_each_other():
    numbers = normal(uniform_numbers([3], (128, 128), CPU))[0]
    others = normal(uniform_numbers([4], (128, 128), CPU))[0]
    limit = 5 / numbers[0].numel() ** 0.5
    assert (torch.corrcoef(numbers.flatten(1)) - torch.eye(3)).abs().max() < limit
    for shifted in (numbers[:, 1:] * numbers[:, :-1], numbers[:, :, 1:] * numbers[:, :, :-1], numbers * others):
        assert shifted.mean(dim=(1, 2)).abs().max() < limit


def ramp(side: int = 128) -> torch.Tensor:
    """A picture with every level from dark to bright."""
    return torch.linspace(0.02, 0.98, side).expand(1, 3, side, side).contiguous()


def noise_of(kind: str, image: torch.Tensor, *, strength: float, gray: bool, key: int) -> torch.Tensor:
    size = image.shape[2], image.shape[3]
    valid = torch.ones(1, 1, *size, dtype=torch.bool)
    noisy: torch.Tensor = BatchedNoise()(
        image,
        valid,
        uniform_numbers([key], size, CPU),
        torch.tensor([kind == "poisson"]),
        torch.tensor([strength]),
        torch.tensor([gray]),
    )
    return noisy - image


@pytest.mark.parametrize("gray", [False, True], ids=["colour", "gray"])
@pytest.mark.parametrize(("kind", "strength"), [("gaussian", 20.0), ("poisson", 1.5)])
def test_noise_is_distributed_as_on_the_cpu(kind: str, strength: float, gray: bool):
    image = ramp()
    ours = noise_of(kind, image, strength=strength, gray=gray, key=3)[0].permute(1, 2, 0).numpy()
    plain = image[0].permute(1, 2, 0).numpy()
    theirs = add_noise(plain, Noise(kind, strength, gray=gray, key=4)) - plain  # type: ignore[arg-type]
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.003)
    for part in np.array_split(np.arange(128), 4):  # shot noise grows with brightness
        one, other = ours[:, part].ravel(), theirs[:, part].ravel()
        assert one.std() == pytest.approx(other.std(), rel=0.05)
        step = 3 if gray else 1
        assert stats.ks_2samp(one[::step], other[::step]).pvalue > 1e-4
    same = np.abs(np.diff(ours, axis=2)).max() < 1e-6
    assert same == gray
    assert (np.abs(np.diff(theirs, axis=2)).max() < 1e-6) == gray


def test_a_key_gives_the_same_numbers_anywhere_in_a_batch():
    together = uniform_numbers([5, 2**63 - 1, 5], (16, 24), CPU)
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])
    assert torch.equal(uniform_numbers([2**63 - 1], (16, 24), CPU)[0], together[1])
    before = torch.random.get_rng_state()
    uniform_numbers([1], (4, 4), CPU)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_values_beyond_an_image_are_not_counted():
    levels = torch.arange(64).view(1, 1, 8, 8).repeat(2, 3, 1, 1)
    valid = torch.ones(2, 1, 8, 8, dtype=torch.bool)
    valid[1, :, 3:] = False
    assert distinct(levels, valid).tolist() == [64, 24]
