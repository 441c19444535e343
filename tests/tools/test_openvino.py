"""OpenVINO: as the runtime of upscale, and given exported files."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.onnx_file import export_onnx
from esrgan_train.export.targets import read_target
from esrgan_train.export.variants import Variant
from esrgan_train.inference.models import load_generator, open_upscaler
from esrgan_train.inference.openvino_model import TOLERANCE, Openvino, _prove, conversion_of
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.modelfiles.weights import save_model
from tests.export.networks import write_network
from tests.tools.compact import COMPACT, compact

pytest.importorskip("openvino")
pytestmark = pytest.mark.tools
SIZES = ((1, 1), (2, 3), (7, 5), (32, 32), (33, 47))
CONVERTED = ("span x2", "realplksr x2", "mosr x2", "realcugan x2")
AS_ONNX = {"safmn x2": 8, "fdat x2": 1}  # pixels a side below which they take nothing


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return written(compact("prelu", 2), tmp_path, "prelu")


def written(network: nn.Module, folder: Path, act_type: str) -> Path:
    options = {"num_feat": 8, "num_conv": 2, "upscale": network.upscale, "act_type": act_type}
    save_model(folder / "m.pth", network.state_dict(), {**name_of(network), "options": options})
    return folder / "m.pth"


def assert_same_pictures(path: Path, *, tile: int | None = None) -> None:
    torchs, openvinos = (
        open_upscaler(path, device="cpu", precision="32", tile=tile, runtime=runtime)
        for runtime in ("torch", "openvino")
    )
    assert torchs.pieces == openvinos.pieces
    for size in SIZES:
        for kind, limit in ((np.uint8, 1), (np.uint16, np.ceil(TOLERANCE * 65535))):
            picture = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (*size, 3), kind)
            by_torch, by_openvino = torchs(picture).astype(int), openvinos(picture)
            assert by_openvino.dtype == kind
            assert np.abs(by_torch - by_openvino).max() <= limit, size


@pytest.mark.parametrize(("act_type", "upscale"), COMPACT)
def test_compact_networks_make_the_same_pictures(act_type: str, upscale: int, tmp_path: Path) -> None:
    path = written(compact(act_type, upscale), tmp_path, act_type)
    assert_same_pictures(path, tile=16)
    assert_same_pictures(path)


@pytest.mark.parametrize("name", CONVERTED)
def test_networks_of_spandrel_make_the_same_pictures(name: str, tmp_path: Path) -> None:
    assert_same_pictures(write_network(name, tmp_path)[1])


@pytest.mark.parametrize("name", AS_ONNX)
def test_what_openvino_does_not_convert_goes_through_onnx(name: str, tmp_path: Path) -> None:
    network, path = write_network(name, tmp_path)
    with pytest.raises(UserError, match=r"^[^\n]*give --runtime torch, or the \.onnx[^\n]*$"):
        open_upscaler(path, device="cpu", precision="32", tile=None, runtime="openvino")
    export_onnx(network, tmp_path / "m.onnx", {}, *read_target("openvino").files)
    enlarge = open_upscaler(tmp_path / "m.onnx", device="cpu", precision="32", tile=None, runtime="openvino")
    picture = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
    by_torch = open_upscaler(path, device="cpu", precision="32", tile=None)(picture).astype(int)
    assert np.abs(by_torch - enlarge(picture)).max() <= 1


def test_exported_files_of_both_precisions_are_run(tmp_path: Path) -> None:
    network = compact("prelu", 2)
    for half in (False, True):
        path = tmp_path / f"{half}.onnx"
        numbers = "float16" if half else "float32"
        export_onnx(network, path, {}, Variant(format="onnx", weights=numbers, border=numbers))
        upscaler = open_upscaler(path, device="auto", precision="auto", tile=16, runtime="openvino")
        picture = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
        by_torch = open_upscaler(path, device="cpu", precision="32", tile=16)(picture).astype(int)
        assert np.abs(by_torch - upscaler(picture)).max() <= 1
        assert not conversion_of(path).exists()  # they are read as they are


def test_a_conversion_is_used_again_until_the_model_changes(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def conversions() -> int:
        caplog.clear()
        open_upscaler(model, device="cpu", precision="32", tile=0, runtime="openvino")
        return sum("converting" in message for message in caplog.messages)

    caplog.set_level(logging.INFO)
    assert [conversions(), conversions()] == [1, 0]
    before = conversion_of(model).with_suffix(".bin").read_bytes()
    changed = compact("prelu", 2)
    nn.init.normal_(changed.body[0].weight)
    written(changed, tmp_path, "prelu")
    assert [conversions(), conversions()] == [1, 0]
    assert conversion_of(model).with_suffix(".bin").read_bytes() != before
    conversion_of(model).write_text("<net")
    assert [conversions(), conversions()] == [1, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "m.pth",
        "m.pth.openvino.bin",
        "m.pth.openvino.xml",
    ]


def test_a_signal_does_no_harm_after_two_models(model: Path) -> None:
    program = f"""
import gc, signal
from pathlib import Path
from esrgan_train.inference.models import open_upscaler

came = []
signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
opened = [
    open_upscaler(Path({str(model)!r}), device="cpu", precision="32", tile=0, runtime="openvino") for _ in range(2)
]
while opened:
    del opened[0]
    gc.collect()
signal.raise_signal(signal.SIGINT)
assert came
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_another_result_is_refused(model: Path) -> None:
    network = load_generator(model)
    engine = Openvino(model)
    enlarge = engine.compiled(network, "32")
    with pytest.raises(UserError, match=r"^[^\n]*OpenVINO computes something else[^\n]*$"):
        _prove(lambda lr: enlarge(lr) + 2 * TOLERANCE, network, model)


def test_what_cannot_be_is_refused_in_one_line(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--device cuda is not possible with --runtime openvino"):
        open_upscaler(model, device="cuda", precision="auto", tile=None, runtime="openvino")
    monkeypatch.setattr("esrgan_train.inference.openvino_model.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'esrgan-train\[openvino\]'"):
        open_upscaler(model, device="cpu", precision="auto", tile=None, runtime="openvino")


def test_the_command_writes_the_same_file_and_reports_nothing_to_anyone(model: Path, tmp_path: Path) -> None:
    photo, home = tmp_path / "a.png", tmp_path / "home"
    home.mkdir()
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8))
    for runtime in ("torch", "openvino"):
        command = [sys.executable, "-m", "esrgan_train.upscale", str(photo), "-o", str(tmp_path / runtime)]
        environment = {**os.environ, "HOME": str(home)}
        more = ["--model", str(model), "--runtime", runtime, "--precision", "32"]
        subprocess.run([*command, *more], env=environment, check=True)
    by_torch, by_openvino = (cv2.imread(str(tmp_path / r / "a.png")).astype(int) for r in ("torch", "openvino"))
    assert np.abs(by_torch - by_openvino).max() <= 1
    assert not (home / "intel").exists()  # where OpenVINO's telemetry keeps its client's number
