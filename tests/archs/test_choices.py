from __future__ import annotations

from pathlib import Path

import hydra
import pytest
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from esrgan_train.archs.choices import store_choices
from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE
from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.config import register

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def compose(tmp_path):
    """Compose a config that has nothing but the two networks, from the project's own YAML variants."""
    (tmp_path / "main.yaml").write_text(
        "defaults:\n  - generator: srvgg\n  - discriminator: unet_sn\n  - _self_\nupscale: 3\ncolour: rgb\n"
        f"hydra:\n  searchpath: ['file://{CONF}']\n"
    )
    register()

    def compose(*overrides: str) -> DictConfig:
        with hydra.initialize_config_dir(str(tmp_path), version_base="1.3"):
            return hydra.compose("main", overrides=list(overrides))

    return compose


def test_fields_and_defaults_are_the_constructors(compose):
    cfg = compose()
    assert OmegaConf.to_container(cfg.generator, resolve=True) == {
        "_target_": "esrgan_train.archs.srvgg_arch.SRVGGNetCompact",
        "num_in_ch": 3,
        "num_out_ch": 3,
        "num_feat": 64,
        "num_conv": 16,
        "upscale": 3,
        "act_type": "prelu",
    }
    assert isinstance(instantiate(cfg.discriminator), UNetDiscriminatorSN)


def test_upscale_follows_the_run(compose):
    assert instantiate(compose("upscale=2").generator).upscale == 2


@pytest.mark.parametrize(
    ("choice", "num_feat", "num_conv"),
    [("srvgg", 64, 16), ("ultracompact", 64, 8), ("superultracompact", 24, 8), ("general", 64, 32)],
)
def test_variants_extend_the_class(compose, choice, num_feat, num_conv):
    network = instantiate(compose(f"generator={choice}").generator)
    assert isinstance(network, SRVGGNetCompact)
    assert (network.num_feat, network.num_conv, network.upscale) == (num_feat, num_conv, 3)


@pytest.mark.parametrize("choice", ["srvgg", "ultracompact", "superultracompact", "general"])
@pytest.mark.parametrize("override", ["generator.num_feat=abc", "generator.num_feat=2.5", "generator.num_fet=32"])
def test_wrong_types_and_misspelt_keys_fail_when_composing(compose, choice, override):
    with pytest.raises(HydraException, match="num_fe"):
        compose(f"generator={choice}", override)


def test_a_key_added_by_force_fails_when_instantiating(compose):
    with pytest.raises(HydraException, match="num_fet"):
        instantiate(compose("+generator.num_fet=32").generator)


def test_a_users_class_becomes_a_choice_that_instantiates(compose, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "tiny_arch.py").write_text(
        "from torch import nn\n"
        "from esrgan_train.archs import generator\n"
        "@generator('tiny')\n"
        "class Tiny(nn.Module):\n"
        "    def __init__(self, depth: int, upscale: int, slope: float = 0.5):\n"
        "        super().__init__()\n"
        "        self.options = (depth, upscale, slope)\n"
    )
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(folder))
    store_choices(CONF)
    assert instantiate(compose("generator=tiny", "generator.depth=7").generator).options == (7, 3, 0.5)
    with pytest.raises(HydraException):
        compose("generator=tiny", "generator.depth=deep")


def test_the_projects_own_files_hide_no_class():
    store_choices(CONF)
    assert "srvgg.yaml" in ConfigStore.instance().repo["generator"]


@pytest.mark.parametrize("file", ["generator/srvgg.yaml", "discriminator/unet_sn.yml"])
def test_a_file_that_hides_a_class_is_named(tmp_path, file):
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text("num_conv: 1\n")
    with pytest.raises(ValueError, match=f"is defined twice: {path} and .*_arch.py"):
        store_choices(tmp_path)
