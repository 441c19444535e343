"""How many pictures a second are enlarged, from an array to an array."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import peer
from benchmarks.gpu.figure import Figure
from benchmarks.gpu.part import Measurement, Setting
from benchmarks.gpu.published import beside
from benchmarks.gpu.timing import seconds_of
from benchmarks.pictures import large_photo
from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.inference.upscaler import Upscaler, inference_precision


def upscaling(setting: Setting) -> list[Measurement]:
    """Each picture, ×4 and ×2, by the compact network."""
    return [
        Measurement(f"upscale_x{scale}_{size[1]}", _name(size, scale), partial(_measure, setting, size, scale))
        for size in setting.sizes.pictures
        for scale in (4, 2)
    ]


def _name(size: tuple[int, int], scale: int) -> str:
    return f"upscaling {size[0]} × {size[1]} by ×{scale}"


def _measure(setting: Setting, size: tuple[int, int], scale: int) -> Iterator[Figure]:
    device, repeats = setting.device, setting.sizes.repeats
    network = _network(setting, scale)
    picture = large_photo(size)
    precision = inference_precision("auto", device, network)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    upscaler = Upscaler(network, device=device, precision=precision, tile=None)
    ours = seconds_of(lambda: upscaler(picture), device, repeats=repeats)
    half = device.type == "cuda"

    def published() -> float:
        helper = _published(setting, scale, weights, half=half)
        return 1 / seconds_of(lambda: helper.enhance(picture, outscale=scale), device, repeats=repeats)

    theirs, note = beside(published, f"published: {'fp16' if half else 'fp32'}, whole")
    yield Figure(
        key=f"upscale_x{scale}_{size[1]}",
        name=_name(size, scale),
        unit="frames/s",
        ours=1 / ours,
        peer=theirs,
        note=f"ours: {precision}, {upscaler.pieces}; {note}",
    )


def _network(setting: Setting, scale: int) -> SRVGGNetCompact:
    network = SRVGGNetCompact(num_feat=setting.sizes.num_feat, num_conv=setting.sizes.num_conv, upscale=scale)
    torch.manual_seed(0)
    start_as_bilinear(network)
    return network.eval()


def _published(setting: Setting, scale: int, weights: dict[str, torch.Tensor], *, half: bool) -> Any:
    """The published helper with its defaults: fp16 on a GPU, no tiles."""
    peer.make_importable()
    from realesrgan import RealESRGANer
    from realesrgan.archs.srvgg_arch import SRVGGNetCompact as Published

    file = Path(setting.folder) / f"x{scale}.pth"
    torch.save({"params": weights}, file)
    sizes = setting.sizes
    network = Published(num_feat=sizes.num_feat, num_conv=sizes.num_conv, upscale=scale)
    return RealESRGANer(scale=scale, model_path=str(file), model=network, half=half, device=setting.device)
