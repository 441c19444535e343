from __future__ import annotations

import json

import ncnn
import numpy as np
import onnx
import onnxruntime
import pytest
import spandrel
import torch

import esrgan_train.export.packages as packages
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.archs.weights import load_weights, save_model
from esrgan_train.cli import run_command
from esrgan_train.errors import UserError
from esrgan_train.export.__main__ import main
from esrgan_train.export.exported import Exported
from esrgan_train.export.verify import largest_difference, verify

OPTIONS = {"num_feat": 8, "num_conv": 2}
BRANCHING = """
from torch import nn
from esrgan_train.archs import generator


@generator("branching")
class Branching(nn.Module):
    def __init__(self, upscale: int = 2) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 1)

    def forward(self, lr):
        return nn.functional.pixel_shuffle(self.conv(lr if lr.mean() > 0.2 else lr * 3), 2)
"""


def checkpoint(path, act_type, upscale):
    """A checkpoint as training writes it, and its network."""
    torch.manual_seed(0)
    options = {**OPTIONS, "act_type": act_type, "upscale": upscale}
    network = SRVGGNetCompact(**options).eval()
    state = {f"ema.module.{key}": value for key, value in network.state_dict().items()}
    metadata = {"arch": "srvgg", "options": options, "experiment": "mine", "config_hash": "0123"}
    torch.save({"state_dict": state, "esrgan_train": metadata, "global_step": 9}, path)
    return network


@pytest.mark.parametrize(("act_type", "upscale"), [("prelu", 4), ("relu", 3), ("leakyrelu", 1)])
def test_other_programs_compute_the_same(tmp_path, act_type, upscale):
    network = checkpoint(tmp_path / "last.ckpt", act_type, upscale)
    out = tmp_path / "out"
    assert main([str(tmp_path / "last.ckpt"), "-o", str(out), "--licence", "CC0"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"last.ckpt", "out"}
    lr = torch.rand(1, 3, 21, 34)
    with torch.no_grad():
        expected = network(lr).numpy()

    for name in ("mine.pth", "mine.safetensors"):
        opened = spandrel.ModelLoader().load_from_file(out / name)
        assert (opened.architecture.id, opened.scale) == ("Compact", upscale)
        assert np.array_equal(opened.model(lr).detach().numpy(), expected)

    for name, dtype, tolerance in (("mine.onnx", np.float32, 1e-5), ("mine_fp16.onnx", np.float16, 4e-3)):
        session = onnxruntime.InferenceSession(out / name)
        (sr,) = session.run(["output"], {"input": lr.numpy().astype(dtype)})
        assert sr.dtype == dtype
        np.testing.assert_allclose(sr, expected, rtol=0, atol=tolerance)

    net = ncnn.Net()
    assert net.load_param(str(out / "mine.param")) == net.load_model(str(out / "mine.bin")) == 0
    assert (net.input_names(), net.output_names()) == (["data"], ["output"])
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(lr[0].numpy()).clone())
    np.testing.assert_allclose(np.array(extractor.extract("output")[1]), expected[0], rtol=0, atol=4e-3)

    said = [
        load_weights(out / "mine.pth").metadata,
        load_weights(out / "mine.safetensors").metadata,
        json.loads(onnx.load(out / "mine.onnx").metadata_props[0].value),
        json.loads((out / "mine.json").read_text()),
    ]
    for metadata in said:
        assert (metadata["arch"], metadata["upscale"], metadata["options"]["num_feat"]) == ("srvgg", upscale, 8)
        assert (metadata["iterations"], metadata["config_hash"], metadata["licence"]) == (9, "0123", "CC0")


def test_onnx_uses_common_operations_and_names_its_axes(tmp_path):
    checkpoint(tmp_path / "last.ckpt", "prelu", 4)
    main([str(tmp_path / "last.ckpt"), "-o", str(tmp_path / "out"), "--format", "onnx", "--fp32"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.onnx"]
    model = onnx.load(tmp_path / "out" / "mine.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == 18
    assert {node.op_type for node in model.graph.node} == {"Conv", "PRelu", "Resize", "DepthToSpace", "Add"}
    axes = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert axes == ["batch", 3, "height", "width"]
    assert b"site-packages" not in (tmp_path / "out" / "mine.onnx").read_bytes()


def test_a_file_that_computes_something_else_is_not_kept(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "archs"
    folder.mkdir()
    (folder / "branching_arch.py").write_text(BRANCHING)
    monkeypatch.setenv("ESRGAN_TRAIN_ARCHS", str(folder))
    state = {"conv.weight": torch.rand(12, 3, 1, 1), "conv.bias": torch.rand(12)}
    save_model(tmp_path / "m.pth", state, {"arch": "branching", "options": {}})
    # ncnn's tracing looks at a black image alone, and takes the branch of dark images for all.
    assert main([str(tmp_path / "m.pth"), "-o", str(tmp_path / "out"), "--format", "safetensors", "ncnn"]) == 1
    assert "ncnn fp16: differs too much, so nothing was kept" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"--format onnx cannot hold Branching.*leave onnx out"):
        main([str(tmp_path / "m.pth"), "-o", str(tmp_path / "out"), "--format", "onnx"])
    assert {path.name for path in tmp_path.iterdir()} == {"archs", "m.pth"}
    assert main([str(tmp_path / "m.pth"), "-o", str(tmp_path / "out"), "--format", "safetensors"]) == 0


def test_a_missing_package_is_named_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "pnnx" else name)
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
    exported = Exported(label="x", files=(), engine="x", run=lambda lr: lr + wrong, tolerance=0.1)
    assert not verify(exported, lambda lr: lr, [lr]).passed
    assert largest_difference(lr, lr[..., :2]) == np.inf
