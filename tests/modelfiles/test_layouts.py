"""Wrappers and prefixes of other people's files, for every command that reads weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from esrgan_train import load_generator
from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_generator
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.export.__main__ import main as export
from esrgan_train.interpolate import main as interpolate
from esrgan_train.modelfiles.weights import load_weights, save_model
from tests.tiny import tiny

Weights = dict[str, torch.Tensor]


@pytest.fixture
def network() -> SRVGGNetCompact:
    torch.manual_seed(3)
    return SRVGGNetCompact(num_feat=8, num_conv=2)


def prefixed(state: Weights, prefix: str) -> Weights:
    return {prefix + name: tensor for name, tensor in state.items()}


def other(state: Weights) -> Weights:
    return {name: tensor + 1 for name, tensor in state.items()}


def of_both_players(state: Weights, generator: str, discriminator: str) -> Weights:
    return prefixed(state, generator) | prefixed(UNetDiscriminatorSN(num_feat=4).state_dict(), discriminator)


LAYOUTS = {
    "bare": lambda s: s,
    "params": lambda s: {"params": s},
    "params_ema before params": lambda s: {"params": other(s), "params_ema": s},
    "state_dict of bare names": lambda s: {"state_dict": s, "epoch": 3},
    "model_state_dict": lambda s: {"model_state_dict": s, "optimizer_state_dict": {"state": {}}, "loss": 0.1},
    "generator": lambda s: {"generator": s, "discriminator": other(s), "iteration": 5},
    "net_g": lambda s: {"net_g": s, "net_d": other(s)},
    "g_ema before g": lambda s: {"generator": other(s), "g_ema": s},
    "wrapper in a wrapper": lambda s: {"state_dict": {"params_ema": s}},
    "module.": lambda s: prefixed(s, "module."),
    "_orig_mod.": lambda s: {"params": prefixed(s, "_orig_mod.")},
    "module._orig_mod.": lambda s: prefixed(s, "module._orig_mod."),
    "_orig_mod.module.": lambda s: {"model_state_dict": prefixed(s, "_orig_mod.module.")},
    "n_averaged": lambda s: {"n_averaged": torch.tensor(9), **prefixed(s, "module.")},
    "n_averaged of a compiled network": lambda s: {
        "state_dict": {"n_averaged": torch.tensor(9), **prefixed(s, "module._orig_mod.")}
    },
    "Lightning's, of both players": lambda s: {"state_dict": of_both_players(s, "generator.", "discriminator.")},
    "compiled, of both players": lambda s: {"state_dict": of_both_players(s, "net_g._orig_mod.", "net_d.")},
    "netG.": lambda s: prefixed(s, "netG."),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_of_the_field_is_read(tmp_path: Path, network: SRVGGNetCompact, layout: str):
    torch.save(LAYOUTS[layout](network.state_dict()), tmp_path / "model.pth")
    read = load_weights(tmp_path / "model.pth").state_dict
    assert read.keys() == network.state_dict().keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.run
def test_what_torch_itself_wraps_is_read(tmp_path: Path, network: SRVGGNetCompact):
    torch.save(AveragedModel(torch.compile(network)).state_dict(), tmp_path / "model.pth")
    assert load_weights(tmp_path / "model.pth").state_dict.keys() == network.state_dict().keys()


def test_every_command_reads_alike(tmp_path: Path, network: SRVGGNetCompact):
    state = {"n_averaged": torch.tensor(9), **prefixed(network.state_dict(), "module._orig_mod.")}
    file = tmp_path / "model.pth"
    torch.save({"model_state_dict": state}, file)
    lr = torch.rand(1, 3, 9, 7)
    with torch.no_grad():
        expected = network(lr)
        assert torch.equal(load_generator(file)(lr), expected)  # what upscale and evaluate open
        started = build_generator(compose_config(tiny(tmp_path / "run", f"init_from={file}")))
        assert torch.equal(started(lr), expected)
        assert export([str(file), "-o", str(tmp_path / "out"), "--format", "pth"]) == 0
        assert torch.equal(load_generator(tmp_path / "out/model.pth")(lr), expected)
        interpolate([str(file), str(file), "--weight", "1", "-o", str(tmp_path / "mixed.pth")])
        assert torch.equal(load_generator(tmp_path / "mixed.pth")(lr), expected)


@pytest.mark.parametrize("wrapper", ["params", "net_d", "discriminator", "state_dict"])
def test_a_discriminator_is_read_from_its_wrappers(tmp_path: Path, wrapper: str):
    state = UNetDiscriminatorSN(num_feat=4).state_dict()
    torch.save({wrapper: state, "generator": {"w": torch.rand(1)}}, tmp_path / "net_d.pth")
    read = load_weights(tmp_path / "net_d.pth", role="discriminator").state_dict
    assert all(torch.equal(read[name], tensor) for name, tensor in state.items())


def test_a_file_with_the_other_player_alone_is_refused(tmp_path: Path, network: SRVGGNetCompact):
    torch.save({"state_dict": prefixed(network.state_dict(), "generator.")}, tmp_path / "g.ckpt")
    with pytest.raises(UserError, match=r"g\.ckpt is a checkpoint without a discriminator"):
        load_weights(tmp_path / "g.ckpt", role="discriminator")


def test_names_in_our_own_files_are_left_alone(tmp_path: Path):
    state = {"module.generator.w": torch.rand(2), "module.generator.n_averaged": torch.tensor(3)}
    said = {"arch": "mine", "options": {}}
    save_model(tmp_path / "model.pth", state, said)
    save_model(tmp_path / "model.safetensors", state, said)
    ours = {f"ema.module.{name}": tensor for name, tensor in state.items()}
    torch.save({"state_dict": ours, "global_step": 1, "esrgan_train": said}, tmp_path / "last.ckpt")
    for name in ("model.pth", "model.safetensors", "last.ckpt"):
        assert set(load_weights(tmp_path / name).state_dict) == set(state), name


def test_a_network_may_have_a_part_called_generator(tmp_path: Path):
    state = {"generator.w": torch.rand(2), "head.w": torch.rand(2)}
    torch.save(state, tmp_path / "model.pth")
    assert set(load_weights(tmp_path / "model.pth").state_dict) == set(state)


def test_a_dict_that_holds_itself_is_refused(tmp_path: Path):
    content: dict[str, object] = {}
    content["params"] = content
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(UserError, match="'params', which is not a weight"):
        load_weights(tmp_path / "model.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_whole_numbers_keep_their_type(tmp_path: Path, suffix: str):
    state = {
        "weight": torch.rand(2, dtype=torch.float64),
        "half": torch.rand(2).bfloat16(),
        "num_batches_tracked": torch.tensor(2**40 + 1),
        "kind": torch.tensor([3, 200], dtype=torch.uint8),
        "mask": torch.tensor([True, False]),
    }
    save_model(tmp_path / f"m{suffix}", state, {})
    read = load_weights(tmp_path / f"m{suffix}").state_dict
    assert read["weight"].dtype == read["half"].dtype == torch.float32
    for name in ("num_batches_tracked", "kind", "mask"):
        assert read[name].dtype == state[name].dtype
        assert torch.equal(read[name], state[name])
