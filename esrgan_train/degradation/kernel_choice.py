"""Which blur kernels occur, how often, and in which range of shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from esrgan_train.bounds import Fraction, NonNegative, WholeNumber
from esrgan_train.degradation.kernels import (
    Kernel,
    circular_lowpass_kernel,
    gaussian_kernel,
    generalized_gaussian_kernel,
    plateau_kernel,
)
from esrgan_train.degradation.ranges import Betas, Cutoffs, Sigmas, Sizes, check_odds, settle


@dataclass(frozen=True, kw_only=True)
class KernelChoice:
    """The family from which one stage of the degradation draws its blur kernel.

    With probability `sinc_prob` the kernel is a circular low-pass; otherwise the six odds decide its shape. The
    defaults are those of both stages of the published recipe; `sigma` differs between them.
    """

    sigma: Sigmas  # pixels; drawn once for isotropic shapes, twice for the others, whose rotation is uniform
    size: Sizes = (7, 21)  # pixels a side; odd sizes in between are equally likely
    sinc_prob: Fraction = 0.1
    sinc_cutoff: Cutoffs = (1 / 3, 1.0)  # of the Nyquist frequency, for kernels under `wide_from` pixels
    sinc_cutoff_wide: Cutoffs = (1 / 5, 1.0)  # for wider kernels
    wide_from: WholeNumber = 13
    iso_odds: NonNegative = 0.45
    aniso_odds: NonNegative = 0.25
    generalized_iso_odds: NonNegative = 0.12
    generalized_aniso_odds: NonNegative = 0.03
    plateau_iso_odds: NonNegative = 0.12
    plateau_aniso_odds: NonNegative = 0.03
    generalized_beta: Betas = (0.5, 4.0)  # exponents: half the draws lie under 1, half above
    plateau_beta: Betas = (1.0, 2.0)  # the same; the published range starts at 1, so half its draws are 1

    def __post_init__(self) -> None:
        settle(self)
        check_odds(**self.odds())

    def odds(self) -> dict[str, float]:
        """The weights of the six shapes, in the order in which they are drawn."""
        return {name: odds for name, odds in vars(self).items() if name.endswith("_odds")}


def draw_kernel(rng: np.random.Generator, choice: KernelChoice) -> Kernel:
    """Draw one kernel, (size, size) float64, sum 1."""
    size = draw_size(rng, choice.size)
    if rng.random() < choice.sinc_prob:
        cutoff = choice.sinc_cutoff if size < choice.wide_from else choice.sinc_cutoff_wide
        return circular_lowpass_kernel(size, cutoff=math.pi * rng.uniform(*cutoff))
    shape, anisotropic = divmod(draw_index(rng, list(choice.odds().values())), 2)
    sigma_x = sigma_y = rng.uniform(*choice.sigma)
    angle = 0.0
    if anisotropic:
        sigma_y = rng.uniform(*choice.sigma)
        angle = rng.uniform(-math.pi, math.pi)
    ellipse = {"sigma_x": sigma_x, "sigma_y": sigma_y, "angle": angle}
    if shape == 0:
        return gaussian_kernel(size, **ellipse)
    if shape == 1:
        return generalized_gaussian_kernel(size, **ellipse, beta=_draw_beta(rng, choice.generalized_beta))
    return plateau_kernel(size, **ellipse, beta=_draw_beta(rng, choice.plateau_beta))


def draw_index(rng: np.random.Generator, odds: list[float]) -> int:
    """Draw an index with probability proportional to its weight."""
    cumulative = np.cumsum(odds)
    # The minimum guards against rounding at the very end of the last interval.
    return min(int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right")), len(odds) - 1)


def draw_size(rng: np.random.Generator, size: tuple[int, int]) -> int:
    """Draw an odd size, uniformly between two odd ones."""
    return size[0] + 2 * int(rng.integers((size[1] - size[0]) // 2 + 1))


def _draw_beta(rng: np.random.Generator, beta: Betas) -> float:
    return rng.uniform(beta[0], 1.0) if rng.random() < 0.5 else rng.uniform(1.0, beta[1])
