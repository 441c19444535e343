"""Models of one channel on colour and gray pictures, and as ONNX."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import skimage.data
import torch
from PIL import Image
from spandrel.architectures.ESRGAN import ESRGAN
from torch import nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.export.onnx_file import export_onnx
from esrgan_train.export.variants import DEFAULTS
from esrgan_train.inference.geometry import measure
from esrgan_train.inference.models import load_generator, upscale
from esrgan_train.inference.upscaler import BF16_FOR_8_BITS, Upscaler
from esrgan_train.upscale import main

PHOTO = skimage.data.astronaut()[60:129, 170:237]
CPU = torch.device("cpu")


def compact(factor: int = 2) -> SRVGGNetCompact:
    torch.manual_seed(0)
    return SRVGGNetCompact(num_in_ch=1, num_out_ch=1, num_feat=8, num_conv=2, upscale=factor).eval()


def of_spandrel() -> nn.Module:
    torch.manual_seed(0)
    network = ESRGAN(in_nc=1, out_nc=1, num_filters=4, num_blocks=1, scale=2).eval()
    *_, last_bias = network.parameters()
    torch.nn.init.constant_(last_bias, 5.0)  # a tenth of it is a middle gray
    return network


def chroma(rgb: np.ndarray) -> np.ndarray:
    """Cr and Cb of BT.601, (H, W, 2), around 0."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb)[:, :, 1:] - 0.5


@pytest.mark.parametrize("network", [compact(2), compact(3), of_spandrel()], ids=["x2", "x3", "spandrel"])
def test_luma_goes_through_the_model_and_chroma_through_bicubic(network: nn.Module):
    scale = measure(network).scale
    muted = (PHOTO // 2 + 64).astype(np.uint8)  # nothing of it, nor of its enlargement, is clamped
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.1)
    enlarged = upscale(muted, network)
    size = (muted.shape[1] * scale, muted.shape[0] * scale)
    expected = cv2.resize(chroma(muted), size, interpolation=cv2.INTER_CUBIC)
    inside = (enlarged > 0).all(axis=2) & (enlarged < 255).all(axis=2)
    assert inside.mean() > 0.5
    assert np.abs(chroma(enlarged) - expected)[inside].max() < 1.5 / 255  # rounded to 8 bits
    y = torch.from_numpy(cv2.cvtColor(muted.astype(np.float32) / 255, cv2.COLOR_RGB2GRAY))
    with torch.no_grad():
        sr = network(y[None, None])[0, 0].numpy()
    found = cv2.cvtColor(enlarged.astype(np.float32) / 255, cv2.COLOR_RGB2GRAY)
    assert np.abs(found - sr)[inside].max() < 1 / 255


@pytest.mark.parametrize("precision", ["32", "bf16", BF16_FOR_8_BITS])
def test_tiles_join_and_lower_precision_stays_close(precision: str):
    whole = Upscaler(compact(), device=CPU, precision="32", tile=0)(PHOTO)
    tiled = Upscaler(compact(), device=CPU, precision=precision, tile=20)(PHOTO)
    assert np.abs(tiled.astype(int) - whole).max() <= (1 if precision == "32" else 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_in_gray_out(tmp_path: Path, dtype: type):
    gray = PHOTO[:, :, 0].astype(dtype) * (257 if dtype is np.uint16 else 1)
    torch.save({"params": compact().state_dict()}, tmp_path / "m.pth")
    Image.fromarray(gray).save(tmp_path / "in.png")
    options = ("-o", str(tmp_path / "out"), "--model", str(tmp_path / "m.pth"), "--precision", "32")
    assert main([str(tmp_path / "in.png"), *options]) == 0
    enlarged = np.asarray(Image.open(tmp_path / "out" / "in.png"))
    most = np.iinfo(dtype).max
    with torch.no_grad():
        sr = compact()(torch.from_numpy(gray.astype(np.float32) / most)[None, None])[0, 0]
    expected = (sr.clamp(0, 1) * most).round().numpy()
    assert enlarged.shape == (2 * gray.shape[0], 2 * gray.shape[1])
    assert np.abs(enlarged.astype(np.int64) - expected).max() <= 1
    assert np.array_equal(upscale(gray, load_generator(tmp_path / "m.pth")), enlarged)


@pytest.mark.slow
def test_onnx_equals_torch_at_odd_sizes_and_opens_again(tmp_path: Path):
    export_onnx(compact(), tmp_path / "m.onnx", {"colour": "luma"}, DEFAULTS["onnx"][0])
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    for height, width in ((17, 31), (40, 23)):
        lr = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(height))
        (sr,) = session.run(None, {"input": lr.numpy()})
        with torch.no_grad():
            assert np.allclose(sr, compact()(lr).numpy(), atol=1e-5)
    enlarged = upscale(PHOTO, load_generator(tmp_path / "m.onnx"))
    assert np.abs(enlarged.astype(int) - upscale(PHOTO, compact())).max() <= 1


def test_networks_are_seen_as_what_they_are():
    assert measure(compact()).channels == 1
    assert measure(of_spandrel()).channels == 1
    assert measure(SRVGGNetCompact(num_feat=4, num_conv=1)).channels == 3
