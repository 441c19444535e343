from __future__ import annotations

import json
import re
from dataclasses import replace

import ncnn
import numpy as np
import onnx
import onnxruntime
import pytest
import spandrel
import torch

import esrgan_train.export.formats as formats
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.cli import run_command
from esrgan_train.errors import UserError
from esrgan_train.export.__main__ import main
from esrgan_train.export.ncnn_files import Engine, convert
from esrgan_train.export.variants import Variant
from esrgan_train.export.verification import largest_difference, runner, verify
from esrgan_train.modelfiles.weights import load_weights, save_model
from tests.inference.networks import build

pytestmark = pytest.mark.run

OPTIONS = {"num_feat": 8, "num_conv": 2}
FILES = {f"mine{end}" for end in (".pth", ".safetensors", ".onnx", "_fp16.onnx", ".param", ".bin", ".json")}
CARD = {"README.md", "openmodeldb"}
OWN = """
import os
import signal

import torch
from torch import nn
from esrgan_train.archs import generator


class Own(nn.Module):
    def __init__(self, upscale: int = 2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 1)

    def forward(self, lr):
        return nn.functional.pixel_shuffle(self.conv(self.change(lr)), 2)


@generator("branching")
class Branching(Own):
    def change(self, lr):
        return lr if lr.mean() > 0.2 else lr * 3


@generator("crashing")
class Crashing(Own):
    def change(self, lr):
        if torch.compiler.is_exporting():
            print("a last word", flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        if torch.jit.is_tracing():
            print("the last line", flush=True)
            raise ValueError("a reason")
        return lr
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Model files of two own generators: one with a branch, one at which both converters fail."""
    (tmp_path / "archs").mkdir()
    (tmp_path / "archs/own_arch.py").write_text(OWN)
    monkeypatch.setenv("ESRGAN_TRAIN_ARCHS", str(tmp_path / "archs"))
    torch.manual_seed(0)
    state = {"conv.weight": torch.rand(12, 3, 1, 1), "conv.bias": torch.rand(12)}
    for arch in ("branching", "crashing"):
        save_model(tmp_path / f"{arch}.pth", state, {"arch": arch, "options": {}})
    return tmp_path


def checkpoint(path, act_type, upscale):
    """A checkpoint as training writes it, and its network."""
    torch.manual_seed(0)
    options = {**OPTIONS, "act_type": act_type, "upscale": upscale}
    network = SRVGGNetCompact(**options).eval()
    state = {f"ema.module.{key}": value for key, value in network.state_dict().items()}
    metadata = {"arch": "srvgg", "options": options, "experiment": "mine", "config_hash": "0123"}
    torch.save({"state_dict": state, "esrgan_train": metadata, "global_step": 9}, path)
    return network


@pytest.fixture
def in_this_process(monkeypatch):
    """Converters run here: a new process takes seconds to start."""
    for name, made in formats.FORMATS.items():
        monkeypatch.setitem(formats.FORMATS, name, replace(made, apart=False))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder with a checkpoint and what the command made of it in ``out``, and the network."""
    folder = tmp_path_factory.mktemp("exported")
    network = checkpoint(folder / "last.ckpt", "prelu", 4)
    assert main([str(folder / "last.ckpt"), "-o", str(folder / "out"), "--licence", "CC0"]) == 0
    return folder, network


def assert_other_programs_compute_the_same(out, network):
    lr = torch.rand(1, 3, 21, 34)
    with torch.no_grad():
        expected = network(lr).numpy()

    for name in ("mine.pth", "mine.safetensors"):
        opened = spandrel.ModelLoader().load_from_file(out / name)
        assert (opened.architecture.id, opened.scale) == ("Compact", network.upscale)
        assert np.array_equal(opened.model(lr).detach().numpy(), expected)

    for name, dtype, tolerance in (("mine.onnx", np.float32, 1e-5), ("mine_fp16.onnx", np.float16, 4e-3)):
        if (out / name).exists():  # not with --fp32
            session = onnxruntime.InferenceSession(out / name)
            (sr,) = session.run(["output"], {"input": lr.numpy().astype(dtype)})
            assert sr.dtype == dtype
            np.testing.assert_allclose(sr, expected, rtol=0, atol=tolerance)

    net = ncnn.Net()
    assert net.load_param(str(out / "mine.param")) == net.load_model(str(out / "mine.bin")) == 0
    assert (net.input_names(), net.output_names()) == (["data"], ["output"])
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(lr[0].numpy()).clone())
    enlarged = np.array(extractor.extract("output")[1])
    np.testing.assert_allclose(enlarged, expected[0].clip(0, 1), rtol=0, atol=4e-3)  # its programs do not clip


def test_other_programs_compute_the_same(exported):
    folder, network = exported
    out = folder / "out"
    assert {path.name for path in folder.iterdir()} == {"last.ckpt", "out"}
    assert {path.name for path in out.iterdir()} == FILES | CARD
    assert_other_programs_compute_the_same(out, network)
    said = [
        load_weights(out / "mine.pth").metadata,
        load_weights(out / "mine.safetensors").metadata,
        json.loads(onnx.load(out / "mine.onnx").metadata_props[0].value),
        json.loads((out / "mine.json").read_text()),
    ]
    for metadata in said:
        assert (metadata["arch"], metadata["upscale"], metadata["options"]["num_feat"]) == ("srvgg", 4, 8)
        assert (metadata["iterations"], metadata["config_hash"], metadata["licence"]) == (9, "0123", "CC0")


@pytest.mark.slow
@pytest.mark.parametrize(("act_type", "upscale"), [("relu", 3), ("leakyrelu", 1)])
@pytest.mark.usefixtures("in_this_process")
def test_every_activation_and_scale_computes_the_same_and_fp32_writes_no_float16(
    tmp_path, capsys, act_type, upscale
):
    network = checkpoint(tmp_path / "last.ckpt", act_type, upscale)
    assert main([str(tmp_path / "last.ckpt"), "-o", str(tmp_path / "out"), "--fp32"]) == 0
    printed = capsys.readouterr().out
    assert "ncnn fp32" in printed
    assert "fp16" not in printed
    assert {path.name for path in (tmp_path / "out").iterdir()} == (FILES | CARD) - {"mine_fp16.onnx"}
    assert_other_programs_compute_the_same(tmp_path / "out", network)


def test_onnx_uses_common_operations_and_names_its_axes(exported):
    file = exported[0] / "out" / "mine.onnx"
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 18
    assert {node.op_type for node in model.graph.node} == {"Conv", "PRelu", "Resize", "DepthToSpace", "Add"}
    axes = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert axes == ["batch", 3, "height", "width"]
    assert b"site-packages" not in file.read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("in_this_process")
def test_a_format_that_cannot_be_made_or_differs_is_left_out_and_reported(own, capsys):
    # ncnn's tracing looks at a black image alone, and takes the branch of dark images for all.
    assert main([str(own / "branching.pth"), "-o", str(own / "out")]) == 1
    errors = capsys.readouterr().err
    assert "error: ncnn fp16 differs too much, so it was not kept; --fp32 writes no float16" in errors
    assert re.search(r"error: --format onnx cannot hold Branching: .*; leave onnx out\n", errors)
    assert {path.name for path in (own / "out").iterdir()} == {"branching.pth", "branching.safetensors"} | CARD
    assert {path.name for path in own.iterdir()} == {"archs", "branching.pth", "crashing.pth", "out"}


@pytest.mark.slow
def test_a_converter_that_crashes_or_fails_is_reported_and_the_other_formats_are_made(own, capsys):
    wanted = ["--format", "onnx", "ncnn", "safetensors"]
    assert main([str(own / "crashing.pth"), "-o", str(own / "out"), *wanted]) == 1
    assert capsys.readouterr().err == (
        "error: --format onnx cannot hold Crashing: the converter died of SIGSEGV (a last word); leave onnx out\n"
        "error: --format ncnn cannot hold Crashing: ValueError: a reason (the last line); leave ncnn out\n"
    )
    assert {path.name for path in (own / "out").iterdir()} == {"crashing.safetensors"} | CARD


@pytest.mark.slow
def test_networks_that_refuse_small_pictures_are_exported(tmp_path):
    torch.save({"params": build("realcugan").state_dict()}, tmp_path / "m.pth")
    assert main([str(tmp_path / "m.pth"), "-o", str(tmp_path / "out"), "--format", "safetensors"]) == 0
    torch.save({"params": build("fast realcugan").state_dict()}, tmp_path / "fast.pth")
    with pytest.raises(UserError, match=r"takes only pictures whose sides are multiples of 4.*cannot be exported"):
        main([str(tmp_path / "fast.pth"), "-o", str(tmp_path / "out"), "--format", "safetensors"])


@pytest.mark.slow
def test_ncnn_is_given_images_that_outlive_the_call(tmp_path):
    network = SRVGGNetCompact(**OPTIONS, upscale=2).eval()
    files = tmp_path / "m.param", tmp_path / "m.bin"
    plain = Variant(format="ncnn")
    convert(network, *files, plain)
    # Not contiguous, so each image is copied; the copies' memory is taken again at once.
    lr = np.random.default_rng(0).random((3, 31, 4, 33), np.float32).transpose(2, 0, 1, 3)
    assert largest_difference(Engine(*files, plain)(lr), runner(network)(lr)) < 1e-5


def test_a_missing_package_is_named_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "pnnx" else name)
    with pytest.raises(UserError, match=r"needs pnnx: pip install 'esrgan-train\[export\]'"):
        main([str(tmp_path / "missing.pth"), "-o", str(tmp_path / "out")])


def test_the_source_is_not_replaced(tmp_path, capsys):
    path = tmp_path / "m.pth"
    save_model(path, SRVGGNetCompact(**OPTIONS).state_dict(), {"arch": "srvgg", "options": OPTIONS})
    arguments = [str(path), "-o", str(tmp_path), "--format", "pth"]
    assert run_command(lambda: main(arguments)) == 2
    assert "would be replaced: give another folder" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.2])
def test_wrong_numbers_do_not_pass(wrong):
    lr = np.zeros((1, 3, 4, 4), np.float32)
    assert not verify(lambda lr: lr + wrong, torch.nn.Identity(), label="x", files=(), engine="x").passed
    assert largest_difference(lr, lr[..., :2]) == np.inf


@pytest.mark.parametrize("name", ["folder/model", ".."])
def test_a_name_with_folders_is_refused(tmp_path, name):
    checkpoint(tmp_path / "last.ckpt", "prelu", 2)
    with pytest.raises(UserError, match="is no file name: give one without folders"):
        main([str(tmp_path / "last.ckpt"), "-o", str(tmp_path / "out"), "--format", "pth", "--name", name])
    assert not (tmp_path / "out").exists()
