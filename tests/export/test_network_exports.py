"""Networks of other kinds in ONNX Runtime and ncnn, at even, odd and the smallest sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import spandrel
import torch
from torch import nn

from esrgan_train.archs.folding import fold
from esrgan_train.export.formats import FORMATS, FormatError, make
from esrgan_train.export.ncnn_files import Engine, convert
from esrgan_train.export.onnx_file import export_onnx
from esrgan_train.export.targets import read_target
from esrgan_train.export.variants import DEFAULTS, Variant
from esrgan_train.export.verification import Run, largest_difference, runner
from esrgan_train.inference.onnx_model import OnnxNetwork
from tests.export.networks import NETWORKS, REFUSED, exported, request_for, write_network

SIZES = ((1, 1), (1, 2), (7, 5), (8, 8), (9, 16), (20, 19), (32, 32), (33, 47))
WHOLE = {"safmn": 8, "realcugan": 20}  # pixels a side below which a network takes nothing

TAKEN = {("srvgg", "ncnn-vulkan"), ("srvgg", "upscayl"), ("span x2", "upscayl")}


def assert_same_at_every_size(
    run: Run, network: nn.Module, *, least: int, tolerance: float, clip: bool = False
) -> None:
    reference, tried = runner(network), 0
    for size in (size for size in SIZES if min(size) >= least):
        lr = np.random.default_rng(0).random((1, 3, *size), np.float32)
        expected = reference(lr)
        wanted = expected.clip(0, 1) if clip else expected
        assert largest_difference(run(lr), wanted) <= tolerance * max(1.0, np.abs(expected).max()), size
        tried += 1
    assert tried


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize("name", ["span x2", pytest.param("safmn x2", marks=pytest.mark.tools)])
def test_networks_go_to_onnx(name: str, tmp_path: Path):
    network, _ = write_network(name, tmp_path)
    export_onnx(fold(network), tmp_path / "m.onnx", {}, Variant(format="onnx"))
    least = WHOLE.get(name.split()[0], 1)
    assert_same_at_every_size(runner(OnnxNetwork(tmp_path / "m.onnx")), network, least=least, tolerance=1e-5)


@pytest.mark.run
@pytest.mark.parametrize("name", ["span x4", "realplksr x2"])
def test_networks_go_to_ncnn(name: str, tmp_path: Path):
    network, _ = write_network(name, tmp_path)
    files = tmp_path / "m.param", tmp_path / "m.bin"
    plain = Variant(format="ncnn")
    convert(fold(network), *files, plain)
    assert_same_at_every_size(Engine(*files, plain), network, least=1, tolerance=1e-5)


@pytest.mark.run
def test_what_ncnn_lacks_is_told_in_one_line(tmp_path: Path):
    network, path = write_network("safmn x2", tmp_path)
    request = request_for(path, "ncnn", tmp_path, "m")
    with pytest.raises(FormatError, match=r"^[^\n]*it has an operation that ncnn lacks[^\n]*$"):
        list(make(network, request))


@pytest.mark.tools
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_exported_or_refused_in_one_line(name: str, kind: str, tmp_path: Path):
    if (name, kind) in REFUSED:
        with pytest.raises(FormatError, match=r"^[^\n]+$"):
            list(exported(name, kind, tmp_path))
        return
    verdicts = list(exported(name, kind, tmp_path))
    assert all(verdict.passed for verdict in verdicts)
    network, _ = write_network(name, tmp_path)
    least = WHOLE.get(name.split()[0], 1)
    for verdict in verdicts:
        half = verdict.label.endswith("fp16")
        opened = _opened(verdict.files[0], verdict.files[-2] if kind == "ncnn" else None)
        assert_same_at_every_size(
            opened, network, least=least, tolerance=1 / 255 if half else 1e-4, clip=kind == "ncnn"
        )


def _opened(file: Path, beside: Path | None) -> Run:
    if file.suffix == ".onnx":
        return runner(OnnxNetwork(file))
    if beside is not None:
        return Engine(file, beside, DEFAULTS["ncnn"][0])
    with torch.no_grad():
        return runner(spandrel.ModelLoader(device="cpu").load_from_file(file).model.eval())


@pytest.mark.tools
@pytest.mark.parametrize("target", ["ncnn-vulkan", "upscayl"])
@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.endswith("x4")])
def test_programs_on_ncnn_take_the_networks_that_the_documentation_names(name: str, target: str, tmp_path: Path):
    network, path = write_network(name, tmp_path)
    variants = tuple(read_target(target).files)
    request = replace(request_for(path, "ncnn", tmp_path, "m"), variants=variants)
    if (name, target) in TAKEN:
        assert all(verdict.passed for verdict in make(network, request))
    else:
        with pytest.raises(FormatError, match=r"^[^\n]+$"):
            list(make(network, request))
