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
    chances, others = (table.double().view(len(PEAKS), 256, -1)[peak] for table in poisson_tables())
    width = chances.shape[1]
    found = chances / width
    found = found.scatter_add(1, others.long(), (1 - chances) / width)
    means = np.arange(256)[:, None] / 255 * PEAKS[peak]
    np.testing.assert_allclose(found.numpy(), stats.poisson.pmf(np.arange(width), means), rtol=0, atol=1e-7)


def test_normal_numbers_are_normal():
    numbers = normal(*uniform_numbers([7], (256, 256), CPU)[0]).flatten().numpy()
    assert stats.kstest(numbers, "norm").pvalue > 1e-3
    assert np.abs(numbers).max() < 7
    assert normal(torch.zeros(1), torch.rand(1)).item() == 0  # a uniform number can be 0, and none is 1
    assert normal(torch.tensor(1 - 2**-24), torch.zeros(1)).isfinite()


def ramp(side: int = 128) -> torch.Tensor:
    """A picture with every level from dark to bright."""
    return torch.linspace(0.02, 0.98, side).expand(1, 3, side, side).contiguous()


def noise_of(kind: str, image: torch.Tensor, *, strength: float, gray: bool, key: int) -> torch.Tensor:
    size = image.shape[2], image.shape[3]
    valid = torch.ones(1, 1, *size, dtype=torch.bool)
    made: torch.Tensor = BatchedNoise()(
        image,
        valid,
        uniform_numbers([key], size, CPU),
        torch.tensor([kind == "poisson"]),
        torch.tensor([strength]),
        torch.tensor([gray]),
    )
    return made


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
    same = np.abs(np.diff(ours, axis=2)).max() < 1e-7
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
