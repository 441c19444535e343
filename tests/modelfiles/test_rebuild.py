from __future__ import annotations

from pathlib import Path

import pytest
import torch

from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.building import build
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.rebuild import load_into, rebuild_generator
from esrgan_train.modelfiles.weights import ModelFile, load_weights, save_model

ACTIVATIONS = ("prelu", "relu", "leakyrelu")


def model(state: dict[str, torch.Tensor], **known) -> ModelFile:
    return ModelFile(Path("model.pth"), state, **known)


@pytest.mark.parametrize("act_type", ACTIVATIONS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_saved_model_is_built_again(tmp_path, act_type, suffix):
    network = SRVGGNetCompact(num_feat=8, num_conv=1, upscale=3, act_type=act_type)
    options = {"num_feat": 8, "num_conv": 1, "upscale": 3, "act_type": act_type}
    path = tmp_path / f"model{suffix}"
    save_model(path, network.state_dict(), {"arch": "srvgg", "options": options})
    again = rebuild_generator(load_weights(path))
    lr = torch.rand(1, 3, 8, 8)
    assert not again.training
    assert torch.equal(again(lr), network(lr))


@pytest.mark.parametrize("act_type", ACTIVATIONS)
def test_a_checkpoints_generator_is_built(act_type):
    options = {"num_feat": 8, "num_conv": 1, "act_type": act_type}
    network = SRVGGNetCompact(**options)
    again = rebuild_generator(model(dict(network.state_dict()), arch="srvgg", options=options))
    lr = torch.rand(1, 3, 8, 8)
    assert again.act_type == act_type
    assert torch.equal(again(lr), network(lr))


def test_options_of_a_compact_model_are_read_from_its_weights():
    network = SRVGGNetCompact(num_feat=24, num_conv=8, upscale=2)
    again = rebuild_generator(model(dict(network.state_dict())))
    lr = torch.rand(1, 3, 8, 8)
    assert torch.equal(again(lr), network(lr))


def test_a_users_class_is_looked_up(tmp_path, monkeypatch):
    (tmp_path / "tiny_arch.py").write_text(
        "from torch import nn\n"
        "from esrgan_train.archs import generator\n"
        "@generator('tiny')\n"
        "class Tiny(nn.Conv2d):\n"
        "    def __init__(self, width: int):\n"
        "        super().__init__(3, width, 1)\n"
    )
    state = dict(torch.nn.Conv2d(3, 5, 1).state_dict())
    with pytest.raises(UserError, match=f"'tiny', which is not installed .*srvgg.*{ENVIRONMENT_VARIABLE}"):
        rebuild_generator(model(state, arch="tiny", options={"width": 5}))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    assert rebuild_generator(model(state, arch="tiny", options={"width": 5})).out_channels == 5
    for options, words in (
        ({"width": 5, "depth": 1}, "unexpected keyword argument 'depth'"),
        ({}, "missing .* required .*argument: 'width'"),
        ({"width": "wide"}, "holds options that Tiny refuses"),
        ({"width": 4}, "weight is 5×3×1×1 instead of 4×3×1×1"),
    ):
        with pytest.raises(UserError, match=words):
            rebuild_generator(model(state, arch="tiny", options=options))


def test_a_target_in_a_file_is_not_followed():
    options = {"_target_": "os.system", "num_feat": 8}
    with pytest.raises(UserError, match="unexpected keyword argument '_target_'"):
        rebuild_generator(model({"w": torch.rand(1)}, arch="srvgg", options=options))
    with pytest.raises(UserError, match=r"'os\.system', which is not installed"):
        rebuild_generator(model({"w": torch.rand(1)}, arch="os.system"))


def compose_and_build(overrides: list[str]) -> torch.nn.Module:
    return build(compose_config(overrides).generator)


def test_models_that_do_not_say_enough_are_refused():
    with pytest.raises(UserError, match="does not say its architecture"):
        rebuild_generator(model({"conv.weight": torch.rand(1, 1, 1, 1)}))
    state = SRVGGNetCompact(num_feat=8, num_conv=1, act_type="relu").state_dict()
    with pytest.raises(UserError, match="relu or leakyrelu"):
        rebuild_generator(model(dict(state)))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_network_of_spandrel_that_was_trained_here_opens_again(tmp_path: Path, suffix: str):
    trained = compose_and_build(["generator=rrdb", "generator.num_filters=8", "generator.num_blocks=2"])
    said = {"arch": None, "options": {"num_filters": 8, "num_blocks": 2, "scale": 4}, "upscale": 4}
    save_model(tmp_path / f"m{suffix}", trained.state_dict(), said)
    again = rebuild_generator(load_weights(tmp_path / f"m{suffix}"))
    lr = torch.rand(1, 3, 9, 11)
    with torch.no_grad():
        torch.testing.assert_close(again(lr), trained.eval()(lr), rtol=0, atol=0)


def test_a_mismatch_lists_some_differences_and_options_that_would_fit():
    state = SRVGGNetCompact(num_feat=24, num_conv=8, upscale=2).state_dict()
    with pytest.raises(UserError) as caught:
        load_into(SRVGGNetCompact(), state, "init_from=small.pth")
    message = str(caught.value)
    assert message.startswith("init_from=small.pth does not fit SRVGGNetCompact: body.19.weight is missing")
    assert message.endswith("more; they fit generator.num_feat=24 generator.num_conv=8 upscale=2")
    assert "\n" not in message


def test_a_compact_model_for_another_network_says_its_options():
    state = SRVGGNetCompact(num_feat=8, num_conv=1, act_type="relu").state_dict()
    with pytest.raises(UserError, match=r"they fit generator=srvgg .*num_feat=8 .*act_type=relu \(or leakyrelu\)"):
        load_into(torch.nn.Conv2d(3, 3, 1), state, "init_from=x.pth")


def test_nothing_is_loaded_from_a_mismatch():
    network = SRVGGNetCompact(num_feat=8, num_conv=1)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    state = {**SRVGGNetCompact(num_feat=8, num_conv=1).state_dict(), "more": torch.rand(1)}
    with pytest.raises(UserError, match="more is unknown; choose the generator"):
        load_into(network, state, "init_from=x.pth")
    assert all(torch.equal(network.state_dict()[key], before[key]) for key in before)


@pytest.mark.parametrize("act_type", ["relu", "leakyrelu"])
def test_training_continues_from_the_published_form(tmp_path, act_type):
    options = {"num_feat": 8, "num_conv": 1, "act_type": act_type}
    network, other = SRVGGNetCompact(**options), SRVGGNetCompact(**options)
    save_model(tmp_path / "model.pth", network.state_dict(), {"arch": "srvgg", "options": options})
    load_into(other, load_weights(tmp_path / "model.pth").state_dict, "init_from")
    assert all(torch.equal(a, b) for a, b in zip(other.parameters(), network.parameters(), strict=True))


def test_a_relu_network_refuses_learnt_slopes():
    with pytest.raises(UserError, match=r"body\.1\.weight is unknown.*generator\.act_type=prelu"):
        load_into(
            SRVGGNetCompact(num_feat=8, num_conv=1, act_type="relu"),
            SRVGGNetCompact(num_feat=8, num_conv=1).state_dict(),
            "init_from=x.pth",
        )
