"""Targets as YAML files, and what a command line changes in them."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.export.__main__ import main
from esrgan_train.export.formats import FORMATS, FormatError, Request, make
from esrgan_train.export.targets import read_target, target_names
from esrgan_train.export.variants import DEFAULTS, Variant
from esrgan_train.export.verification import verify
from esrgan_train.export.wishes import changed, height_and_width, variants_of
from esrgan_train.modelfiles.weights import save_model
from tests.export.networks import write_network

PROGRAMS = [
    "animejanai",
    "chainner",
    "ncnn-vulkan",
    "onnxruntime-web",
    "openvino",
    "tensorrt",
    "upscayl",
    "vs-mlrt",
]
OWN = """
program: A player
sources: [https://example.org]
name: "models/{scale}x_{plain}"
files:
  - format: onnx
    weights: float16
    input: picture
    output: larger
    batch: 1
    clip: true
    rewrites: [prelu, pixel_shuffle]
descriptions: {"{name}.txt": "{plain} is {licence}, {{braces}}"}
"""


def target_of(text: str, folder: Path) -> str:
    (folder / "own.yaml").write_text(text)
    return str(folder / "own.yaml")


def test_every_program_has_a_target_with_its_sources():
    assert target_names() == PROGRAMS
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    for name in PROGRAMS:
        target = read_target(name)
        assert all(source.startswith("https://") for source in target.sources)
        assert f"--target {name}" in page
        assert all(source in page for source in target.sources), name


def test_formats_and_variants_name_the_same():
    assert list(FORMATS) == list(DEFAULTS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("files:", "filez:"), "filez is not known: did you mean files?"),
        (("program: A player\n", ""), "program is missing"),
        (("format: onnx", "format: onxx"), r"files\[0\]\.format=onxx: give one of pth, safetensors, onnx, ncnn"),
        (("format: onnx", "format: ncnn"), r"files\[0\]\.batch has no effect in ncnn: leave it out"),
        (("batch: 1", "opset: 11"), r"files\[0\]\.opset=11: give a whole number from 16 to 23"),
        (
            ("[prelu, ", "[relu, "),
            r"files\[0\]\.rewrites=\[relu,pixel_shuffle\]: give a list, each item one of prelu",
        ),
        (("clip: true", "clipp: true"), r"files\[0\]\.clipp is not known: did you mean clip\?"),
        (("{plain}", "{nam}"), r"\{nam\} is not known: did you mean name\?"),
        (("sources: [https://example.org]", "sources: []"), "sources=\\[\\]: give"),
        (("program: A player", "program: [A player"), "cannot be read"),
    ],
)
def test_what_a_target_says_wrongly_is_told(change: tuple[str, str], said: str, tmp_path: Path):
    with pytest.raises(UserError, match=f"--target .*own.yaml:? ?.*{said}"):
        read_target(target_of(OWN.replace(*change), tmp_path))


def test_the_documented_target_is_right(tmp_path: Path):
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    ((_, block),) = re.findall(r"```yaml\n# (my/player\.yaml)\n(.*?)```", page, re.DOTALL)
    target = read_target(target_of(block, tmp_path))
    assert (target.files[0].size, target.files[0].rewrites) == ((540, 960), ("prelu", "pixel_shuffle"))
    assert target.written_as("x2_a", {"upscale": 2}) == ("models/2x_a", {"x2_a.txt": "a ×2, licence: not stated"})


def test_unknown_targets_are_told():
    with pytest.raises(UserError, match="--target upscale: did you mean upscayl\\?"):
        read_target("upscale")
    with pytest.raises(UserError, match=r"--target none\.yaml does not exist"):
        read_target("none.yaml")


def test_names_follow_the_program(tmp_path: Path):
    own = read_target(target_of(OWN, tmp_path))
    name, texts = own.written_as("x4_prelu", {"upscale": 4, "licence": "CC0"})
    assert name == "models/4x_prelu"
    assert texts == {"x4_prelu.txt": "prelu is CC0, {braces}"}
    assert read_target("upscayl").written_as("my-2x", {"upscale": 2})[0] == "models/2x_my"
    assert read_target("upscayl").written_as("max2", {"upscale": 2})[0] == "models/2x_max2"


def test_models_that_a_program_does_not_take_are_refused():
    with pytest.raises(UserError, match="Upscayl takes ×2, ×3, ×4, and this model is ×1"):
        read_target("upscayl").written_as("m", {"upscale": 1})
    with pytest.raises(UserError, match="realesrgan-ncnn-vulkan takes RGB, and this model luma alone"):
        read_target("ncnn-vulkan").written_as("m", {"upscale": 2, "channels": 1})


def test_the_command_line_changes_what_it_names():
    both = variants_of(["onnx", "ncnn"], None)
    assert [variant.label for variant in both] == ["onnx fp32", "onnx fp16", "ncnn fp16"]
    single, half, ncnn = changed(both, opset=20, size=(40, 56), fp32=False)
    assert (single.opset, single.size, single.batch) == (half.opset, half.size, half.batch) == (20, (40, 56), 1)
    assert ncnn == both[2]
    assert [variant.label for variant in changed(both, opset=None, size=None, fp32=True)] == [
        "onnx fp32",
        "ncnn fp32",
    ]
    with pytest.raises(UserError, match="--opset has no effect without ONNX"):
        changed(variants_of(["pth"], None), opset=20, size=None, fp32=False)
    with pytest.raises(UserError, match="--fp32 leaves nothing to write"):
        changed(variants_of(None, read_target("animejanai")), opset=None, size=None, fp32=True)


@pytest.mark.parametrize("wrong", ["540", "0x9", "1x", "axb", "-1x4"])
def test_a_size_is_height_and_width(wrong: str):
    assert height_and_width("540x960") == (540, 960)
    with pytest.raises(argparse.ArgumentTypeError, match="such as 540x960"):
        height_and_width(wrong)


@pytest.mark.parametrize("size", [(3, 5), (64, 64), (100, 17), (200, 300)])
def test_files_of_one_size_are_compared_at_that_size(size: tuple[int, int]):
    seen = []

    def run(lr):
        seen.append(lr.shape)
        return lr

    assert verify(run, torch.nn.Identity(), label="x", files=(), engine="x", batch=1, size=size).passed
    assert set(seen) == {(1, 3, *size)}


def test_a_clip_is_compared_with_a_clip():
    class Beyond(torch.nn.Module):
        def forward(self, lr):
            return lr * 3 - 1

    beyond = Beyond()
    assert verify(lambda lr: (lr * 3 - 1).clip(0, 1), beyond, label="x", files=(), engine="x", clip=True).passed
    assert not verify(lambda lr: lr * 3 - 1, beyond, label="x", files=(), engine="x", clip=True).passed


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    options = {"num_feat": 8, "num_conv": 2, "upscale": 2}
    network = SRVGGNetCompact(**options)
    with torch.no_grad():
        network.body[-1].bias += torch.linspace(-0.4, 0.4, 12)  # some beyond both ends
    save_model(tmp_path / "x2_mine.pth", network.state_dict(), {"arch": "srvgg", "options": options})
    return tmp_path / "x2_mine.pth"


def enlarged(model: Path, lr: np.ndarray) -> np.ndarray:
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2).eval()
    network.load_state_dict(torch.load(model, weights_only=True)["params"])
    with torch.no_grad():
        return network(torch.from_numpy(lr)).numpy().clip(0, 1)


@pytest.mark.run
def test_a_target_of_ones_own_is_obeyed(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(FORMATS, "onnx", replace(FORMATS["onnx"], apart=False))  # a new process takes seconds
    arguments = [str(model), "-o", str(tmp_path / "out"), "--target", target_of(OWN, tmp_path), "--opset", "20"]
    assert main([*arguments, "--static", "21x34"]) == 0
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert files == {"models/2x_mine.onnx", "x2_mine.txt", "README.md", "openmodeldb/2x-mine.json"}
    assert (tmp_path / "out/x2_mine.txt").read_text() == "mine is not stated, {braces}"
    assert "onnx fp16" in capsys.readouterr().out

    file = tmp_path / "out/models/2x_mine.onnx"
    graph = onnx.load(file)
    assert graph.opset_import[0].version == 20
    assert not {"PRelu", "DepthToSpace"} & {node.op_type for node in graph.graph.node}
    assert {array.data_type for array in graph.graph.initializer} >= {onnx.TensorProto.FLOAT16}
    session = onnxruntime.InferenceSession(file)
    (taken,), (made,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape) == ("picture", "tensor(float)", [1, 3, 21, 34])
    assert (made.name, made.type, made.shape) == ("larger", "tensor(float)", [1, 3, 42, 68])
    lr = np.random.default_rng(0).random((1, 3, 21, 34), np.float32)
    (sr,) = session.run(["larger"], {"picture": lr})
    assert (sr.min(), sr.max()) == (0, 1)
    np.testing.assert_allclose(sr, enlarged(model, lr), rtol=0, atol=4e-3)


@pytest.mark.run
def test_a_program_that_lacks_an_operator_is_told_in_one_line(tmp_path: Path):
    network, path = write_network("span x2", tmp_path)
    target = read_target("ncnn-vulkan")
    request = Request(variants=tuple(target.files), model=path, folder=tmp_path, name="m", metadata={})
    with pytest.raises(FormatError, match=r"^[^\n]*the program has no [A-Z][^\n]*Sigmoid[^\n]*$"):
        list(make(network, request))


@pytest.mark.parametrize("wrong", [{"format": "pth", "clip": True}, {"format": "ncnn", "border": "float16"}])
def test_an_option_without_effect_is_refused(wrong):
    with pytest.raises(UserError, match="has no effect in"):
        Variant(**wrong)
