from __future__ import annotations

import json

import pytest
import spandrel
import torch
from realesrgan.archs.srvgg_arch import SRVGGNetCompact as Published

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.tensor_files import read_safetensors
from esrgan_train.modelfiles.weights import load_checkpoint, load_weights, save_model

METADATA = {"arch": "srvgg", "options": {"num_feat": 8, "num_conv": 2, "act_type": "prelu"}, "iterations": 5}


@pytest.fixture
def network() -> SRVGGNetCompact:
    network = SRVGGNetCompact(num_feat=8, num_conv=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_is_saved_is_loaded(tmp_path, network, suffix):
    path = tmp_path / f"model{suffix}"
    save_model(path, network.state_dict(), METADATA)
    model = load_weights(path)
    assert (model.arch, model.options, model.metadata["iterations"]) == ("srvgg", METADATA["options"], 5)
    assert list(model.state_dict) == list(network.state_dict()) or suffix == ".safetensors"
    for key, tensor in network.state_dict().items():
        assert torch.equal(model.state_dict[key], tensor)
        assert model.state_dict[key].is_contiguous()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("act_type", ["prelu", "relu", "leakyrelu"])
def test_spandrel_and_the_published_class_open_our_files(tmp_path, suffix, act_type):
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2, act_type=act_type)
    path = tmp_path / f"model{suffix}"
    options = {"num_feat": 8, "num_conv": 2, "upscale": 2, "act_type": act_type}
    save_model(path, network.state_dict(), {"arch": "srvgg", "options": options})
    lr = torch.rand(1, 3, 12, 12)
    with torch.no_grad():
        expected = network(lr)
        opened = spandrel.ModelLoader().load_from_file(path)
        assert opened.architecture.id == "Compact"
        assert opened.scale == 2
        assert torch.equal(opened.model(lr), expected)
        theirs = Published(num_feat=8, num_conv=2, upscale=2)
        state = torch.load(path)["params"] if suffix == ".pth" else read_safetensors(path)[0]
        theirs.load_state_dict(state, strict=True)
        assert torch.equal(theirs(lr), expected)
    assert load_weights(path).options["act_type"] == "prelu"


def test_a_pth_holds_params_alone_in_contiguous_float32(tmp_path, network):
    path = tmp_path / "model.pth"
    save_model(path, network.bfloat16().state_dict(), METADATA)
    content = torch.load(path, weights_only=True)
    assert set(content) == {"params", "esrgan_train"}
    assert json.loads(content["esrgan_train"]) == METADATA
    assert all(tensor.dtype == torch.float32 and tensor.is_contiguous() for tensor in content["params"].values())


def test_shared_tensors_can_be_saved(tmp_path):
    tensor = torch.rand(4)
    save_model(tmp_path / "model.safetensors", {"a": tensor, "b": tensor[:2]}, {})
    assert torch.equal(load_weights(tmp_path / "model.safetensors").state_dict["b"], tensor[:2])


def test_the_averaged_weights_are_preferred(tmp_path):
    raw, averaged = {"w": torch.zeros(2)}, {"w": torch.ones(2)}
    published, ours, early = (tmp_path / name for name in ("published.pth", "ours.ckpt", "early.ckpt"))
    torch.save({"params": raw, "params_ema": averaged}, published)
    state = {"generator.w": raw["w"], "ema.module.w": averaged["w"], "discriminator.w": raw["w"]}
    metadata = {"arch": "srvgg", "options": {}}
    torch.save({"state_dict": state, "esrgan_train": metadata, "global_step": 3}, ours)
    torch.save({"state_dict": {"generator.w": raw["w"]}}, early)
    assert load_weights(published).state_dict["w"].sum() == 2
    assert load_weights(ours).state_dict["w"].sum() == 2
    assert load_weights(ours).arch == "srvgg"
    assert load_weights(early).state_dict["w"].sum() == 0


@pytest.mark.parametrize("legacy", [True, False])
def test_bare_half_precision_and_data_parallel_weights_are_read(tmp_path, network, legacy):
    path = tmp_path / "model.pth"
    state = {f"module.{key}": tensor.half() for key, tensor in network.state_dict().items()}
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    model = load_weights(path)
    assert model.arch is None
    assert list(model.state_dict) == list(network.state_dict())
    assert all(tensor.dtype == torch.float32 for tensor in model.state_dict.values())


def test_a_network_of_ours_may_have_a_part_called_module(tmp_path):
    save_model(tmp_path / "model.pth", {"module.w": torch.rand(2)}, {"arch": "mine", "options": {}})
    assert list(load_weights(tmp_path / "model.pth").state_dict) == ["module.w"]


def test_loaded_weights_are_independent_of_the_file(tmp_path, network):
    path = tmp_path / "model.pth"
    save_model(path, network.state_dict(), METADATA)
    model = load_weights(path)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert torch.equal(model.state_dict["body.0.bias"], network.body[0].bias)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"state_dict": {"discriminator.w": torch.rand(2)}}, "a checkpoint without a generator"),
        ({"params": {}}, "holds no weights"),
        ({}, "holds no weights"),
        ({"params": {"w": 3}}, "'w', which is not a weight"),
        ({"params": {"w": torch.eye(3).to_sparse()}}, "'w', which is not a weight"),
        ({"params": {"w": torch.rand(2, dtype=torch.complex64)}}, "'w', which is not a weight"),
        ({"params": {"w": torch.rand(2, device="meta")}}, "'w', which is not a weight"),
        ({"epoch": 3, "w": torch.rand(2)}, "'epoch', which is not a weight"),
        ({"params": {"w": torch.rand(2)}, "esrgan_train": "{"}, "damaged esrgan_train entry"),
        ({"params": {"w": torch.rand(2)}, "esrgan_train": "[]"}, "damaged esrgan_train entry"),
        ({"params": {"w": torch.rand(2)}, "esrgan_train": '{"arch": 3}'}, "names no architecture"),
        ({"params": {"w": torch.rand(2)}, "esrgan_train": '{"options": 3}'}, "names no architecture"),
    ],
)
def test_files_without_a_generator_are_refused(tmp_path, content, words):
    path = tmp_path / "model.pth"
    torch.save(content, path)
    with pytest.raises(UserError, match=f"{path} .*{words}"):
        load_weights(path)


def test_other_kinds_of_file_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"model\.onnx is not a model file.*\.pth"):
        load_weights(tmp_path / "model.onnx")


def test_a_checkpoint_is_read_whole(tmp_path):
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {}, "global_step": 7, "esrgan_train": {"arch": None}}, path)
    assert load_checkpoint(path)["global_step"] == 7


def test_a_model_is_no_checkpoint(tmp_path, network):
    save_model(tmp_path / "model.pth", network.state_dict(), METADATA)
    with pytest.raises(UserError, match=r"not a training checkpoint.*init_from"):
        load_checkpoint(tmp_path / "model.pth")
