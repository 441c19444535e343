"""x4_general_wdn: the twin of the general model that keeps noise."""

from __future__ import annotations

import pytest
import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_datamodule, build_generator, describe
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.identity import config_hash
from esrgan_train.modelfiles.weights import load_weights, save_model
from esrgan_train.train import train

SMALL = [
    "generator.num_feat=8",
    "generator.num_conv=2",
    "data.batch_size=1",
    "data.num_workers=0",
    "data.gt_size=32",
]


@pytest.fixture
def general(tmp_path):
    options = {"num_feat": 8, "num_conv": 2, "upscale": 4, "act_type": "prelu"}
    save_model(
        tmp_path / "general.pth", SRVGGNetCompact(**options).state_dict(), {"arch": "srvgg", "options": options}
    )
    return tmp_path / "general.pth"


def test_the_noise_is_in_the_targets_and_other_experiments_draw_as_before(general):
    twin = build_datamodule(compose_config(["experiment=x4_general_wdn", f"init_from={general}", *SMALL]))
    plain = build_datamodule(compose_config(["experiment=x4_general", *SMALL]))
    assert plain.training.target_noise is None
    for n in range(4):
        noisy, clean = (module.training[n] for module in (twin, plain))
        noise = noisy["hr_target"] - clean["hr_target"]  # the same crop of the same photo
        assert 0 < noise.std() < 0.3
        assert torch.equal(noisy["hr"], noisy["hr_target"])
    held_out = [module.validation[0]["hr"] for module in (twin, plain)]
    assert not torch.equal(*held_out)


def test_with_sharpening_both_targets_carry_the_same_noise(general):
    overrides = ["experiment=x4_general_wdn", f"init_from={general}", "training.usm=true", *SMALL]
    noisy = build_datamodule(compose_config(overrides)).training
    clean = build_datamodule(compose_config([*overrides, "target_noise=none"])).training
    difference = {key: noisy[1][key] - clean[1][key] for key in ("hr", "hr_target")}
    inside = (noisy[1]["hr"] - 0.5).abs().lt(0.49) & (noisy[1]["hr_target"] - 0.5).abs().lt(0.49)
    assert inside.float().mean() > 0.3
    torch.testing.assert_close(difference["hr"][inside], difference["hr_target"][inside], rtol=0, atol=1e-6)
    assert difference["hr"].std() > 1e-3


@pytest.mark.slow
@pytest.mark.run
def test_it_starts_from_the_general_model_and_trains(general, tmp_path):
    overrides = ["experiment=x4_general_wdn", f"init_from={general}", f"run_dir={tmp_path / 'run'}", *SMALL]
    cfg = compose_config(
        [*overrides, "trainer.max_steps=2", "trainer.val_check_interval=2", "trainer.accelerator=cpu"]
    )
    started = build_generator(cfg).state_dict()
    assert all(torch.equal(started[key], value) for key, value in load_weights(general).state_dict.items())
    train(cfg)
    written = load_weights(tmp_path / "run" / "model" / "x4_general_wdn.safetensors")
    assert written.metadata["iterations"] == 2
    assert written.metadata["config_hash"] == config_hash(cfg)
    checkpoint = load_weights(tmp_path / "run" / "checkpoints" / "last.ckpt")
    assert checkpoint.metadata["iterations"] == 2
    assert set(checkpoint.state_dict) == set(written.state_dict)


def test_it_needs_the_model_it_is_the_twin_of():
    with pytest.raises(UserError, match="give init_from=FILE"):
        build_generator(compose_config(["experiment=x4_general_wdn", *SMALL]))


@pytest.mark.slow
def test_the_hash_of_a_configuration_does_not_depend_on_where_files_lie():
    plain, elsewhere, other = (
        compose_config([*SMALL, *more]) for more in ([], ["run_dir=/elsewhere", "data.num_workers=1"], ["seed=1"])
    )
    assert config_hash(plain) == config_hash(elsewhere) != config_hash(other)
    assert describe(build_generator(plain), plain)["config_hash"] == config_hash(plain)
