from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare, kstest

from esrgan_train.degradation import KernelChoice, kernel_choice
from esrgan_train.degradation.kernel_choice import draw_index, draw_kernel

ODDS = {
    "iso": 0.45,
    "aniso": 0.25,
    "gen_iso": 0.12,
    "gen_aniso": 0.03,
    "plateau_iso": 0.12,
    "plateau_aniso": 0.03,
}


@pytest.fixture
def draws(monkeypatch):
    """What 20000 draws ask the kernel functions for: (function, size, parameters)."""
    calls = []
    for name in ("gaussian", "generalized_gaussian", "plateau", "circular_lowpass"):
        record = lambda size, name=name, **shape: calls.append((name, size, shape))  # noqa: E731
        monkeypatch.setattr(kernel_choice, f"{name}_kernel", record)
    rng = np.random.default_rng(1)
    choice = KernelChoice(sigma=(0.2, 3.0))
    for _ in range(20_000):
        draw_kernel(rng, choice)
    return calls


def test_kinds_occur_with_the_published_probabilities(draws):
    kinds = Counter()
    for name, _, shape in draws:
        if name == "circular_lowpass":
            kinds["sinc"] += 1
        else:
            prefix = {"gaussian": "", "generalized_gaussian": "gen_", "plateau": "plateau_"}[name]
            isotropic = shape["sigma_x"] == shape["sigma_y"]
            kinds[prefix + ("iso" if isotropic else "aniso")] += 1
    expected = {"sinc": 0.1, **{kind: 0.9 * odds for kind, odds in ODDS.items()}}
    result = chisquare([kinds[kind] for kind in expected], [len(draws) * p for p in expected.values()])
    assert result.pvalue > 1e-3


def test_sizes_are_equally_likely_and_odd(draws):
    sizes = Counter(size for _, size, _ in draws)
    assert sorted(sizes) == list(range(7, 22, 2))
    assert chisquare(list(sizes.values())).pvalue > 1e-3


def test_parameters_are_uniform_in_their_ranges(draws):
    shapes = [(name, shape) for name, _, shape in draws if name != "circular_lowpass"]
    turned = [shape for _, shape in shapes if shape["sigma_x"] != shape["sigma_y"]]
    assert kstest([shape["sigma_x"] for _, shape in shapes], "uniform", (0.2, 2.8)).pvalue > 1e-3
    assert kstest([shape["sigma_y"] for shape in turned], "uniform", (0.2, 2.8)).pvalue > 1e-3
    assert kstest([shape["angle"] for shape in turned], "uniform", (-np.pi, 2 * np.pi)).pvalue > 1e-3

    beta = np.array([shape["beta"] for name, shape in shapes if name == "generalized_gaussian"])
    assert chisquare([np.sum(beta < 1), np.sum(beta > 1)]).pvalue > 1e-3
    assert kstest(beta[beta < 1], "uniform", (0.5, 0.5)).pvalue > 1e-3
    assert kstest(beta[beta > 1], "uniform", (1, 3)).pvalue > 1e-3

    beta = np.array([shape["beta"] for name, shape in shapes if name == "plateau"])
    assert chisquare([np.sum(beta == 1), np.sum(beta > 1)]).pvalue > 1e-3
    assert kstest(beta[beta > 1], "uniform", (1, 1)).pvalue > 1e-3


def test_cutoff_range_depends_on_the_size(draws):
    cutoffs = [(size, shape["cutoff"] / np.pi) for name, size, shape in draws if name == "circular_lowpass"]
    narrow = [cutoff for size, cutoff in cutoffs if size < 13]
    wide = [cutoff for size, cutoff in cutoffs if size >= 13]
    assert kstest(narrow, "uniform", (1 / 3, 2 / 3)).pvalue > 1e-3
    assert kstest(wide, "uniform", (1 / 5, 4 / 5)).pvalue > 1e-3


def test_drawn_kernels_sum_to_one():
    rng = np.random.default_rng(2)
    for _ in range(200):
        kernel = draw_kernel(rng, KernelChoice(sigma=(0.2, 3.0)))
        assert kernel.sum() == pytest.approx(1, abs=1e-12)
        assert kernel == pytest.approx(kernel[::-1, ::-1], abs=1e-12)


def test_odds_are_relative_and_zero_never_happens():
    rng = np.random.default_rng(3)
    counts = np.bincount([draw_index(rng, [0, 2, 0, 6, 0]) for _ in range(4000)], minlength=5)
    assert counts[[0, 2, 4]].sum() == 0
    assert chisquare(counts[[1, 3]], [1000, 3000]).pvalue > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": (3, 0.2)}, r"sigma=\[3,0.2\]: give a list of 2, each a number from 0.01 to 1000, .*ascending"),
        ({"sigma": (0, 1)}, r"sigma=\[0,1\]: give"),
        ({"sigma": 2.0}, "sigma=2.0: give a list of 2"),
        ({"sigma": ("a", 1)}, r"sigma=\[a,1\]: give"),
        ({"sigma": (float("nan"), 1)}, r"sigma=\[nan,1\]: give"),
        ({"size": (7, 20)}, "each an odd number of pixels from 1 to 99"),
        ({"size": (7.5, 21)}, r"size=\[7.5,21\]: give"),
        ({"sinc_prob": 1.5}, "sinc_prob=1.5: give a number from 0 to 1"),
        ({"sinc_prob": "0.5"}, "sinc_prob=0.5: give a number"),
        ({"wide_from": "wide"}, "wide_from=wide: give a whole number from 0 on"),
        ({"iso_odds": -1}, "iso_odds=-1: give a number from 0 on"),
        ({"plateau_beta": (2, 3)}, r"plateau_beta=\[2,3\]: give .* with 1 inside"),
        ({name: 0 for name in KernelChoice.__dataclass_fields__ if name.endswith("_odds")}, "are all 0"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        KernelChoice(**{"sigma": (0.2, 3.0), **options})
