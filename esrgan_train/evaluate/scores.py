"""Every measure of one photo, for the model's result and for bicubic."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esrgan_train.errors import given_as
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
from esrgan_train.metrics.niqe import niqe
from esrgan_train.metrics.pristine import chosen_parameters

log = logging.getLogger(__name__)

_CROP = 192  # pixels a side of what is shown
_TILE = 256  # LR pixels a side that are enlarged at once

Measure = Callable[[Tensor, Tensor, int], Tensor]  # of (1, 3, H, W) uint8, twice, and the border
Picture = NDArray[np.uint8]
Degrade = Callable[..., NDArray[np.float32]]  # of an HR picture and a generator of random numbers


@dataclass(frozen=True)
class Scored:
    """The scores of one picture."""

    name: str
    values: dict[str, float]  # by measure; those of bicubic by "bicubic_" and measure
    crops: tuple[Picture, ...]  # the middle of LR and bicubic, if there is an LR, of result and ground truth
    place: Mapping[str, object]  # what names it in the table


def all_measures(niqe_parameters: str | None = None) -> dict[str, Measure]:
    """The measures, with LPIPS if its weights are in torch.hub's cache; else a line says where to put them.

    Args:
        niqe_parameters: a file or ``auto``, see ``metrics.pristine``; None leaves NIQE out.
    """
    found = dict(MEASURES)
    if weights_file().exists():
        found["lpips"] = _lpips()
    else:
        log.info("lpips is left out: %s is not there; put torchvision's AlexNet (244 MB) there", weights_file())
    if niqe_parameters is not None:
        found["niqe"] = _niqe(niqe_parameters)
    return found


def _lpips() -> Measure:
    metric = Lpips()

    def lpips(sr: Tensor, hr: Tensor, border: int) -> Tensor:
        inside = [image[..., border:-border, border:-border] for image in (sr, hr)]
        if min(inside[0].shape[-2:]) < SMALLEST:
            return torch.tensor(float("nan"))
        metric.update(*(image / 255 for image in inside))
        return metric.compute()

    return lpips


def _niqe(parameters: str) -> Measure:
    """Of the result alone; NaN for small pictures."""
    with given_as(f"--niqe {parameters}: "):
        pristine = chosen_parameters(parameters)
    return lambda sr, _, border: niqe(sr / 255, border, pristine)


def score(
    pair: Pair,
    *,
    scale: int,
    upscaler: Upscaler | None,
    degrade: Degrade,
    seed: int,
    measures: Mapping[str, Measure],
) -> Scored:
    """Score the result of ``upscaler``, or else that of the pair, without a border of ``scale`` pixels.

    ``degrade`` makes the LR of a pair that has none. The sizes must fit.
    """
    hr = cut(_read(pair.truth), scale)
    key = zlib.crc32(pair.name.encode())
    lr = degraded(hr, degrade, [seed, key]) if pair.lr is None else _read(pair.lr)
    if upscaler is None:
        assert pair.result is not None
        sr = _read(pair.result)
    else:
        with naming(pair.truth, "enlarging", upscaler.memory_remedy):
            sr = upscaler(lr)
    values, crops = compared(lr, sr, hr, scale=scale, measures=measures)
    return Scored(pair.name, values, crops, {"name": pair.name})


def compared(
    lr: Picture | None, sr: Picture, hr: Picture, *, scale: int, measures: Mapping[str, Measure]
) -> tuple[dict[str, float], tuple[Picture, ...]]:
    """The values and crops of ``Scored``; bicubic is scored where there is an LR."""
    results = {"": sr} if lr is None else {"": sr, "bicubic_": bicubic_of(lr, scale)}
    values = {
        prefix + name: float(measure(_planes(picture), _planes(hr), scale))
        for prefix, picture in results.items()
        for name, measure in measures.items()
    }
    return values, _crops(lr, [*reversed(results.values()), hr], scale)


def degraded(hr: Picture, degrade: Degrade, key: Sequence[int]) -> Picture:
    """The LR that ``degrade`` makes; the numbers in ``key`` say what is drawn."""
    return to_uint8(degrade(to_float(hr), np.random.default_rng(key)))


def cut(hr: Picture, scale: int) -> Picture:
    """The ground truth, cut to multiples of ``scale``."""
    return hr[: hr.shape[0] // scale * scale, : hr.shape[1] // scale * scale]


def bicubic_of(lr: Picture, scale: int) -> Picture:
    """(h, w, 3) to (h·scale, w·scale, 3), tile by tile: as float32, a large photo would take gigabytes."""
    planes, enlarge = _planes(lr).float().div_(255), partial(enlarge_bicubic, upscale=scale)
    bicubic = np.empty((lr.shape[0] * scale, lr.shape[1] * scale, 3), np.uint8)
    for part, sr in enlarge_tiles(enlarge, planes, tile=_TILE, radius=REACH, scale=scale):
        bicubic[part] = sr.clamp_(0, 1).mul_(255).round_().byte()[0].permute(1, 2, 0).numpy()
    return bicubic


def _planes(image: Picture) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None]


def in_8_bits(image: NDArray[Any]) -> Picture:
    """(h, w, 3) uint8 or uint16 as uint8."""
    return image if image.dtype == np.uint8 else to_uint8(to_float(image))


def _read(path: Path) -> Picture:
    return in_8_bits(decode(path))


def _crops(lr: Picture | None, pictures: Sequence[Picture], scale: int) -> tuple[Picture, ...]:
    rows, columns = (middle(side, most=_CROP, step=scale) for side in pictures[0].shape[:2])
    shown = [picture[rows, columns].copy() for picture in pictures]
    if lr is not None:
        shown.insert(0, lr[reduced(rows, scale), reduced(columns, scale)].repeat(scale, 0).repeat(scale, 1))
    return tuple(shown)
