"""experiment=finetune: going on from weights of other files, for both networks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.archs.weights import load_checkpoint, save_pth, save_safetensors
from esrgan_train.build import build_discriminator, build_generator
from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.train import train
from tests.tiny import tiny


@pytest.fixture
def generator() -> SRVGGNetCompact:
    torch.manual_seed(1)
    return SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4)


@pytest.fixture
def discriminator() -> UNetDiscriminatorSN:
    torch.manual_seed(2)
    return UNetDiscriminatorSN(num_feat=8)


def same(network: torch.nn.Module, other: torch.nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in network.state_dict().items())


def test_both_networks_start_from_published_files_and_from_a_checkpoint_of_ours(
    tmp_path: Path, generator: SRVGGNetCompact, discriminator: UNetDiscriminatorSN
):
    torch.save({"params": generator.state_dict()}, tmp_path / "params.pth")
    other = {name: tensor + 1 for name, tensor in generator.state_dict().items()}
    torch.save({"params": other, "params_ema": generator.state_dict()}, tmp_path / "params_ema.pth")
    save_safetensors(tmp_path / "g.safetensors", generator.state_dict(), {})
    torch.save({"params": discriminator.state_dict()}, tmp_path / "net_d.pth")
    save_safetensors(tmp_path / "net_d.safetensors", discriminator.state_dict(), {})
    files = [("params.pth", "net_d.pth"), ("params_ema.pth", "net_d.safetensors"), ("g.safetensors", "net_d.pth")]
    for g, d in files:
        init = (f"init_from={tmp_path / g}", f"init_discriminator_from={tmp_path / d}")
        cfg = compose_config(["experiment=finetune", *tiny(tmp_path / "run", *init)])
        check(cfg)
        assert same(build_generator(cfg), generator)
        assert same(build_discriminator(cfg), discriminator)

    train(compose_config(["experiment=finetune", *tiny(tmp_path / "run", *init, "trainer.max_steps=4")]))
    last = tmp_path / "run/checkpoints/last.ckpt"
    init = (f"init_from={last}", f"init_discriminator_from={last}")
    cfg = compose_config(["experiment=finetune", *tiny(tmp_path / "run", *init)])
    trained = load_checkpoint(last)["state_dict"]
    for built, prefix in ((build_generator(cfg), "ema.module."), (build_discriminator(cfg), "discriminator.")):
        for name, tensor in built.state_dict().items():
            assert torch.equal(tensor, trained[prefix + name])
    assert not torch.equal(
        built.state_dict()["conv1.weight_orig"], discriminator.state_dict()["conv1.weight_orig"]
    )


def test_fine_tuning_starts_safely(tmp_path: Path):
    cfg = compose_config(["experiment=finetune", "init_from=m.pth", "data=folder", f"data.train_dir={tmp_path}"])
    assert cfg.loss.adversarial.start_step == 0
    assert 0 < cfg.loss.adversarial.discriminator_warmup < cfg.trainer.max_steps / 10
    assert cfg.optimizer.generator.lr == cfg.optimizer.discriminator.lr == 1e-4
    assert cfg.callbacks.health.signs.colour_shift.limit > 0
    with pytest.raises(UserError, match=r"goes on from a trained model: give init_from=FILE"):
        build_generator(compose_config(["experiment=finetune"]))


def test_a_discriminator_that_does_not_fit_is_told_with_options_that_would(
    tmp_path: Path, generator: SRVGGNetCompact
):
    save_pth(tmp_path / "g.pth", generator.state_dict(), {})
    wide = UNetDiscriminatorSN(num_feat=4, normalize_ends=True)
    save_pth(tmp_path / "wide.pth", wide.state_dict(), {})

    def start(file: str, *more: str) -> None:
        overrides = tiny(tmp_path / "run", f"init_discriminator_from={tmp_path / file}", *more)
        build_discriminator(compose_config(overrides))

    with pytest.raises(UserError) as refused:
        start("wide.pth")
    message = str(refused.value)
    assert message.startswith(f"init_discriminator_from={tmp_path / 'wide.pth'} does not fit UNetDiscriminatorSN")
    assert "conv0.weight is missing" in message
    assert message.endswith("they fit discriminator.num_feat=4 discriminator.normalize_ends=true")
    start("wide.pth", "discriminator.num_feat=4", "discriminator.normalize_ends=true")
    with pytest.raises(UserError, match="give the weights of a discriminator"):
        start("g.pth")
    with pytest.raises(UserError, match="give them as init_discriminator_from"):
        build_generator(compose_config(tiny(tmp_path / "run", f"init_from={tmp_path / 'wide.pth'}")))


def test_a_checkpoint_of_the_pixel_stage_holds_no_discriminator(tmp_path: Path):
    train(compose_config(["experiment=x4_net", *tiny(tmp_path / "run", "trainer.max_steps=4")]))
    last = tmp_path / "run/checkpoints/last.ckpt"
    with pytest.raises(UserError, match="is a checkpoint without a discriminator"):
        build_discriminator(compose_config(tiny(tmp_path / "run", f"init_discriminator_from={last}")))
