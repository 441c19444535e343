"""Every measure of one photo, for the model's result and for bicubic."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esrgan_train.evaluate.pairs import Pair
from esrgan_train.images.crop import middle, reduced
from esrgan_train.images.decode import decode, to_float
from esrgan_train.images.encode import to_uint8
from esrgan_train.inference.baseline import REACH, enlarge_bicubic
from esrgan_train.inference.failures import naming
from esrgan_train.inference.tiling import enlarge_tiles
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.metrics.lpips import SMALLEST, Lpips, weights_file

log = logging.getLogger(__name__)

_CROP = 192  # pixels a side of what is shown
_TILE = 256  # LR pixels a side that are enlarged at once

Measure = Callable[[Tensor, Tensor, int], Tensor]  # of (1, 3, H, W) uint8, twice, and the border
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Scored:
    """The scores of one photo."""

    name: str
    values: dict[str, float]  # by measure; those of bicubic by "bicubic_" and measure
    crops: tuple[Picture, ...]  # the middle of LR, bicubic, result and ground truth


def all_measures() -> dict[str, Measure]:
    """The measures, with LPIPS if its weights are in torch.hub's cache; else a line says where to put them."""
    if not weights_file().exists():
        log.info("lpips is left out: %s is not there; put torchvision's AlexNet (244 MB) there", weights_file())
        return dict(MEASURES)
    metric = Lpips()

    def lpips(sr: Tensor, hr: Tensor, border: int) -> Tensor:
        inside = [image[..., border:-border, border:-border] for image in (sr, hr)]
        if min(inside[0].shape[-2:]) < SMALLEST:
            return torch.tensor(float("nan"))
        metric.update(*(image / 255 for image in inside))
        return metric.compute()

    return {**MEASURES, "lpips": lpips}


def score(
    pair: Pair,
    *,
    scale: int,
    upscaler: Upscaler | None,
    degrade: Callable[..., NDArray[np.float32]],
    seed: int,
    measures: Mapping[str, Measure],
) -> Scored:
    """Score the result of ``upscaler``, or else that of the pair, without a border of ``scale`` pixels.

    ``degrade`` makes the LR of a pair that has none. The sizes must fit.
    """
    hr = _read(pair.truth)
    hr = hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]
    if pair.lr is None:
        rng = np.random.default_rng([seed, zlib.crc32(pair.name.encode())])
        lr = to_uint8(degrade(to_float(hr), rng))
    else:
        lr = _read(pair.lr)
    if upscaler is None:
        assert pair.result is not None
        sr = _read(pair.result)
    else:
        with naming(pair.truth, "enlarging", upscaler.memory_remedy):
            sr = upscaler(lr)
    bicubic = bicubic_of(lr, scale)
    values = {
        prefix + name: float(measure(_planes(picture), _planes(hr), scale))
        for prefix, picture in (("", sr), ("bicubic_", bicubic))
        for name, measure in measures.items()
    }
    return Scored(pair.name, values, _crops(lr, bicubic, sr, hr, scale))


def bicubic_of(lr: Picture, scale: int) -> Picture:
    """(h, w, 3) to (h·scale, w·scale, 3), tile by tile: as float32, a large photo would take gigabytes."""
    planes, enlarge = _planes(lr).float().div_(255), partial(enlarge_bicubic, upscale=scale)
    bicubic = np.empty((lr.shape[0] * scale, lr.shape[1] * scale, 3), np.uint8)
    for part, sr in enlarge_tiles(enlarge, planes, tile=_TILE, radius=REACH, scale=scale):
        bicubic[part] = sr.clamp_(0, 1).mul_(255).round_().byte()[0].permute(1, 2, 0).numpy()
    return bicubic


def _planes(image: Picture) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def _read(path: Path) -> Picture:
    image: NDArray[Any] = decode(path)
    return image if image.dtype == np.uint8 else to_uint8(to_float(image))


def _crops(lr: Picture, bicubic: Picture, sr: Picture, hr: Picture, scale: int) -> tuple[Picture, ...]:
    rows, columns = (middle(side, most=_CROP, step=scale) for side in hr.shape[:2])
    nearest = lr[reduced(rows, scale), reduced(columns, scale)].repeat(scale, 0).repeat(scale, 1)
    return nearest, *(picture[rows, columns].copy() for picture in (bicubic, sr, hr))
