"""What the package offers to Python, and the page that shows it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from torch.utils.data import DataLoader

import esrgan_train
from esrgan_train import upscale
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.weights import save_model
from esrgan_train.upscale import main
from tests.tiny import quiet_trainer, tiny

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
OPTIONS = {"num_feat": 8, "num_conv": 2, "upscale": 2}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    state = SRVGGNetCompact(**OPTIONS).state_dict()
    save_model(tmp_path / "model.pth", state, {"arch": "srvgg", "options": OPTIONS})
    return tmp_path / "model.pth"


def picture(dtype: type, height: int = 45, width: int = 31) -> Any:
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)


def write_photo(path: Path, image: Any) -> None:
    cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]))


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("model")
def test_the_package_is_light_and_its_names_work(tmp_path: Path):
    write_photo(tmp_path / "photo.png", picture(np.uint8))
    light = "import esrgan_train, sys; assert not {'torch', 'numpy', 'hydra'} & set(sys.modules); "
    use = (
        "import numpy; generator = esrgan_train.load_generator('model.pth'); "
        "image = numpy.zeros((4, 5, 3), numpy.uint8); "
        "assert esrgan_train.upscale(image, generator).shape == (8, 10, 3); "
        "from esrgan_train import upscale; assert upscale(image, generator).shape == (8, 10, 3); "
        "import esrgan_train.upscale as module; assert module is upscale and module.main.__name__ == 'main'"
    )
    command = ["-m", "esrgan_train.upscale", "photo.png", "-o", "out", "--model", "model.pth"]
    for words in (["-c", light + use], command):
        subprocess.run([sys.executable, *words], cwd=tmp_path, check=True)
    assert cv2.imread(str(tmp_path / "out/photo.png")).shape == (90, 62, 3)


def test_the_package_lists_its_names():
    assert {"load_generator", "upscale", "train", "config", "__version__"} <= set(dir(esrgan_train))
    assert list(inspect.signature(upscale).parameters) == ["image", "generator", "tile"]
    with pytest.raises(AttributeError, match="has no attribute 'upscael'"):
        esrgan_train.upscael  # noqa: B018


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("tile", [None, 16, 0])
def test_a_picture_becomes_what_the_command_makes(tmp_path: Path, model: Path, dtype: type, tile: int | None):
    image = picture(dtype)
    write_photo(tmp_path / "photo.png", image)
    tiles = [] if tile is None else ["--tile", str(tile)]
    command = [
        str(tmp_path / "photo.png"),
        "-o",
        str(tmp_path / "out"),
        "--model",
        str(model),
        "--precision",
        "32",
    ]
    assert main([*command, *tiles]) == 0
    theirs = cv2.imread(str(tmp_path / "out/photo.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]
    before = image.copy()
    ours = upscale(image, esrgan_train.load_generator(model), tile=tile)
    assert ours.dtype == theirs.dtype == dtype
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(image, before)


def test_an_onnx_model_is_a_generator_too(tmp_path: Path):
    attributes = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    node = onnx.helper.make_node("Resize", ["lr", "", "scales"], ["sr"], **attributes)
    ends = [onnx.helper.make_tensor_value_info(name, 1, ["b", 3, f"{name}h", f"{name}w"]) for name in ("lr", "sr")]
    scales = onnx.numpy_helper.from_array(np.float32([1, 1, 2, 2]), "scales")
    graph = onnx.helper.make_graph([node], "twice", ends[:1], ends[1:], [scales])
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9), tmp_path / "twice.onnx")
    generator = esrgan_train.load_generator(tmp_path / "twice.onnx")
    image = picture(np.uint8)
    np.testing.assert_array_equal(upscale(image, generator, tile=16), image.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 5, 3), np.float32), "image is float32: give uint8 or uint16"),
        (np.zeros((3, 4, 5), np.uint8), r"image is ndarray \(3, 4, 5\): give a NumPy array \(h, w, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), r"image is \(0, 4, 3\), without a pixel"),
        (torch.zeros(4, 5, 3, dtype=torch.uint8), "image is Tensor"),
    ],
)
def test_another_kind_of_picture_is_refused(model: Path, image: Any, words: str):
    with pytest.raises(UserError, match=words):
        upscale(image, esrgan_train.load_generator(model))


def test_a_negative_tile_is_refused(model: Path):
    with pytest.raises(esrgan_train.errors.UserError, match="tile=-1: give a whole number from 0 on"):
        upscale(picture(np.uint8), esrgan_train.load_generator(model), tile=-1)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("model")
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    monkeypatch.chdir(tmp_path)
    write_photo(tmp_path / "photo.png", picture(np.uint8))
    composed = []

    def compose_tiny(overrides: list[str]) -> Any:
        run_dir = tmp_path / f"run_{len(composed)}"
        composed.append(compose_config([*overrides, *tiny(run_dir, "trainer.max_steps=2")]))
        return composed[-1]

    monkeypatch.setattr("esrgan_train.config.compose_config", compose_tiny)
    monkeypatch.setattr("lightning.Trainer", lambda **more: quiet_trainer(**{**more, "max_steps": 2}))
    lr, hr = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 32, 32)
    names = {"my_loader": DataLoader([{"lr": lr, "hr": hr}] * 2, batch_size=None)}
    for block in blocks:
        exec(block, names)
    assert cv2.imread(str(tmp_path / "enlarged.png")).shape == (90, 62, 3)
    assert composed[1].optimizer.lr == 5e-5
    for number, experiment in enumerate(("x4_superultracompact", "x2_relu")):
        assert (tmp_path / f"run_{number}/model/{experiment}.pth").is_file()
    assert names["module"].trainer.global_step == 2
    assert set(names["measured"]) > {"pixel", "grad_norm_generator"}
    assert names["skipped"] == 0
