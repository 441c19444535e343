from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import hydra
import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from esrgan_train.degradation import BicubicDegradation, RealESRGANDegradation

CONF = Path(__file__).parents[2] / "conf"


def compose(choice: str, *overrides: str) -> DictConfig:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(overrides=[f"+degradation={choice}", "+upscale=4", *overrides])


def test_config_spells_out_the_published_defaults():
    config = compose("realesrgan").degradation
    degradation = hydra.utils.instantiate(config)
    assert degradation == RealESRGANDegradation(upscale=4)
    for part in (degradation, degradation.first, degradation.first.kernel):
        key = {RealESRGANDegradation: config, type(degradation.first): config.first}.get(
            type(part), config.first.kernel
        )
        assert {field.name for field in fields(part)} == set(key) - {"_target_"}
    assert set(config.second) == set(config.first)
    assert set(config.second.kernel) == set(config.first.kernel)


def test_lists_from_the_command_line_become_tuples():
    overrides = ("degradation.first.gaussian_sigma_levels=[1,15]", "upscale=2")
    degradation = hydra.utils.instantiate(compose("realesrgan", *overrides).degradation)
    assert degradation.upscale == 2
    assert degradation.first.gaussian_sigma_levels == (1, 15)
    assert type(degradation.second.resize_modes) is tuple
    hash(degradation)  # nothing mutable is left inside


def test_light_is_milder_in_every_range():
    light = hydra.utils.instantiate(compose("light").degradation)
    full = RealESRGANDegradation(upscale=4)
    assert light.upscale == 4
    for ours, published in ((light.first, full.first), (light.second, full.second)):
        assert ours.kernel.sigma[1] < published.kernel.sigma[1]
        assert ours.gaussian_sigma_levels[1] < published.gaussian_sigma_levels[1]
        assert ours.poisson_scale[1] < published.poisson_scale[1]
        assert ours.down_range[0] > published.down_range[0]
        assert ours.jpeg_quality == (60, 95)


@pytest.mark.parametrize("choice", ["light", "realesrgan", "bicubic"])
def test_every_choice_degrades(choice):
    config = compose(choice).degradation
    assert OmegaConf.is_config(config)
    hr = np.random.default_rng(0).random((64, 80, 3), dtype=np.float32)
    assert hydra.utils.instantiate(config)(hr, np.random.default_rng(0)).shape == (16, 20, 3)


def test_bicubic_takes_the_factor():
    config = compose("bicubic", "upscale=3").degradation
    assert hydra.utils.instantiate(config) == BicubicDegradation(upscale=3)


CHAINS = sorted(
    file.stem for file in (CONF / "degradation").glob("*.yaml") if "degradation.chain" in file.read_text()
)


@pytest.mark.parametrize("choice", CHAINS)
def test_every_chain_degrades_and_says_nothing(choice):
    chain = hydra.utils.instantiate(compose(choice, "upscale=2").degradation, _convert_="all")
    assert chain.upscale == 2
    assert chain.remarks() == ()
    hr = np.random.default_rng(0).random((64, 80, 3), dtype=np.float32)
    for seed in range(3):
        lr = chain(hr, np.random.default_rng(seed))
        assert lr.shape == (32, 40, 3)
        assert 0 <= lr.min() <= lr.max() <= 1
        np.testing.assert_array_equal(lr, chain(hr, np.random.default_rng(seed)))


def test_presets_for_real_sources_are_chains():
    assert {"chain", "video", "anime", "scan", "web"} <= set(CHAINS)
