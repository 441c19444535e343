"""``generator=repsr`` in files: a compact model for everyone, branches for whoever goes on training."""

from __future__ import annotations

from pathlib import Path

import pytest
import spandrel
import torch
from torch import Tensor

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.contracts.reading import check_reading
from esrgan_train.errors import UserError
from esrgan_train.inference.models import load_generator
from esrgan_train.modelfiles.rebuild import load_into
from esrgan_train.modelfiles.sharing import share
from esrgan_train.modelfiles.weights import ModelFile, load_weights, save_model
from tests.same_output import assert_same_output

OPTIONS = {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 8, "num_conv": 3, "upscale": 2, "act_type": "prelu"}
METADATA = {"arch": "repsr", "target": None, "options": {**OPTIONS, "branch_ratio": 2}, "upscale": 2}


def stirred(network: torch.nn.Module) -> torch.nn.Module:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


@pytest.fixture
def network() -> RepSR:
    made = stirred(RepSR(**OPTIONS))
    assert isinstance(made, RepSR)
    return made


@pytest.fixture
def lr() -> Tensor:
    return torch.rand(1, 3, 9, 7)


def checkpoint(folder: Path, network: RepSR) -> Path:
    """As a run writes it, with both players."""
    players = {
        "ema.module": network,
        "generator": RepSR(**OPTIONS),
        "discriminator": UNetDiscriminatorSN(num_feat=4),
    }
    state = {f"{role}.{name}": t for role, player in players.items() for name, t in player.state_dict().items()}
    torch.save({"state_dict": state, "global_step": 3, "esrgan_train": METADATA}, folder / "last.ckpt")
    return folder / "last.ckpt"


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("act_type", ["prelu", "relu", "leakyrelu"])
def test_a_model_file_is_a_compact_model(tmp_path: Path, lr: Tensor, act_type: str, suffix: str):
    options = OPTIONS | {"act_type": act_type}
    network, path = stirred(RepSR(**options)).eval(), tmp_path / f"model{suffix}"
    save_model(path, network.state_dict(), METADATA | {"options": {**options, "branch_ratio": 2}})
    model = load_weights(path)
    assert (model.arch, model.options) == ("srvgg", OPTIONS)
    opened = spandrel.ModelLoader().load_from_file(path)
    assert (opened.architecture.id, opened.scale) == ("Compact", 2)
    assert_same_output(opened.model, network, lr)
    assert_same_output(load_generator(path), network, lr)


def test_weights_that_were_merged_before_are_written_the_same(tmp_path: Path, network: RepSR):
    for name, each in (("one", network), ("other", network.folded())):
        save_model(tmp_path / f"{name}.pth", each.state_dict(), METADATA)
    one, other = (torch.load(tmp_path / f"{name}.pth", weights_only=True) for name in ("one", "other"))
    assert one["esrgan_train"] == other["esrgan_train"]
    torch.testing.assert_close(one["params"], other["params"], rtol=0, atol=0)


def test_a_checkpoint_is_read_merged_or_with_its_branches(tmp_path: Path, network: RepSR, lr: Tensor):
    file = checkpoint(tmp_path, network)
    merged = load_weights(file)
    assert (merged.arch, merged.metadata["arch"], merged.options) == ("srvgg", "srvgg", OPTIONS)
    opened = load_generator(file)
    assert type(opened) is SRVGGNetCompact
    assert_same_output(opened, network, lr)
    kept = load_weights(file, branches=True)
    assert kept.arch == "repsr"
    torch.testing.assert_close(kept.state_dict, dict(network.state_dict()), rtol=0, atol=0)


def test_its_discriminator_is_left_alone(tmp_path: Path, network: RepSR):
    file, discriminator = checkpoint(tmp_path, network), UNetDiscriminatorSN(num_feat=4)
    load_into(
        discriminator, load_weights(file, role="discriminator").state_dict, "init_discriminator_from=last.ckpt"
    )
    stored = torch.load(file, weights_only=True)["state_dict"]
    for name, tensor in discriminator.state_dict().items():
        assert torch.equal(tensor, stored[f"discriminator.{name}"])


@pytest.mark.parametrize("width", [None, 1], ids=["missing", "wrong"])
def test_damaged_branches_are_refused(tmp_path: Path, network: RepSR, width: int | None):
    state = {f"ema.module.{name}": tensor for name, tensor in network.state_dict().items()}
    del state["ema.module.branches.hidden.narrow"]
    if width is not None:
        state["ema.module.branches.hidden.narrow"] = torch.zeros(3, width, 8)
    torch.save({"state_dict": state, "global_step": 1, "esrgan_train": METADATA}, tmp_path / "bad.ckpt")
    with pytest.raises(UserError, match=r"bad\.ckpt holds branches that cannot be merged"):
        load_weights(tmp_path / "bad.ckpt")


def test_the_start_of_a_run_reads_the_merged_file_back(network: RepSR):
    assert check_reading(network, METADATA, lr_side=8) is None


@pytest.mark.parametrize("act_type", ["prelu", "relu", "leakyrelu"])
def test_it_starts_as_the_compact_model_that_it_is_given(lr: Tensor, act_type: str):
    given = stirred(SRVGGNetCompact(**OPTIONS | {"act_type": act_type}))
    network = RepSR(**OPTIONS | {"act_type": act_type})
    before = {name: tensor.clone() for name, tensor in network.branches.state_dict().items()}
    load_into(network, given.state_dict(), "init_from=m.pth")
    assert_same_output(network, given, lr)
    torch.testing.assert_close(dict(network.branches.state_dict()), before, rtol=0, atol=0)


def test_it_starts_as_spandrels_network(lr: Tensor):
    given = stirred(SRVGGNetCompact(**OPTIONS))
    theirs = spandrel.ModelLoader().load_from_state_dict(dict(given.state_dict())).model
    network = RepSR(**OPTIONS)
    load_into(network, theirs.state_dict(), "init_from=m.pth")
    assert_same_output(network, theirs, lr)


def test_a_compact_model_that_does_not_fit_is_refused_with_what_would(network: RepSR):
    with pytest.raises(UserError, match=r"init_from=m\.pth does not fit .*generator\.num_feat=12"):
        load_into(network, SRVGGNetCompact(**OPTIONS | {"num_feat": 12}).state_dict(), "init_from=m.pth")


def test_shared_a_compact_model_is_taken_whole(network: RepSR, lr: Tensor):
    given = stirred(SRVGGNetCompact(**OPTIONS))
    sharing = share(
        network, ModelFile(Path("m.pth"), dict(given.state_dict()), "srvgg", None, OPTIONS), "init_from"
    )
    assert (sharing.reset, sharing.left, sharing.derived) == ((), (), ())
    sharing.load(network)
    assert_same_output(network, given, lr)


def test_shared_another_depth_and_scale_start_as_a_compact_network_would(lr: Tensor):
    given = stirred(SRVGGNetCompact(**OPTIONS))
    model = ModelFile(Path("m.pth"), dict(given.state_dict()), "srvgg", None, OPTIONS)
    other = OPTIONS | {"num_conv": 5, "upscale": 4}
    networks = SRVGGNetCompact(**other), RepSR(**other)
    for each in networks:
        share(each, model, "init_from").load(each)
    assert_same_output(networks[1], networks[0], lr)


def test_shared_branches_are_taken_where_they_fit_and_merged_where_not(network: RepSR, lr: Tensor):
    model = ModelFile(
        Path("last.ckpt"), dict(network.state_dict()), "repsr", None, METADATA["options"], dict(METADATA)
    )
    for options in ({}, {"branch_ratio": 1}, {"num_conv": 4}):
        taker = RepSR(**OPTIONS | options)
        share(taker, model, "init_from").load(taker)
        assert_same_output(taker, network, lr)
        if not options:
            torch.testing.assert_close(dict(taker.state_dict()), dict(network.state_dict()), rtol=0, atol=0)
