"""The exported ncnn model on a Vulkan device, as realesrgan-ncnn-vulkan and video players run it.

Software Vulkan will do: `apt-get install mesa-vulkan-drivers` brings llvmpipe.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import esrgan_train
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.export.__main__ import main
from esrgan_train.modelfiles.weights import save_model

pytestmark = pytest.mark.tools
ncnn = pytest.importorskip("ncnn")

OPTIONS = {"num_feat": 16, "num_conv": 3, "upscale": 2}


@pytest.fixture
def device() -> int:
    ncnn.create_gpu_instance()
    if ncnn.get_gpu_count() == 0:
        pytest.skip("no Vulkan device: apt-get install mesa-vulkan-drivers brings a software one")
    return 0


@pytest.mark.parametrize("act_type", ["prelu", "relu", "leakyrelu"])
def test_an_exported_model_computes_the_same_on_a_vulkan_device(
    device: int, act_type: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    options = {**OPTIONS, "act_type": act_type}
    network = SRVGGNetCompact(**options)
    save_model(tmp_path / "model.pth", network.state_dict(), {"arch": "srvgg", "options": options})
    assert main([str(tmp_path / "model.pth"), "-o", str(tmp_path / "out"), "--format", "ncnn"]) == 0
    lr = np.random.default_rng(0).random((3, 37, 53), dtype=np.float32)
    with torch.inference_mode():
        expected = esrgan_train.load_generator(tmp_path / "model.pth")(torch.from_numpy(lr)[None])[0].numpy()

    net = ncnn.Net()
    net.opt.use_vulkan_compute = True
    net.set_vulkan_device(device)
    assert net.load_param(str(next((tmp_path / "out").glob("*.param")))) == 0
    assert net.load_model(str(next((tmp_path / "out").glob("*.bin")))) == 0
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(lr).clone())
    status, sr = extractor.extract("output")
    assert status == 0
    assert np.abs(np.array(sr) - expected.clip(0, 1)).max() <= 1 / 255
