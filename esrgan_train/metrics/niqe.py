"""NIQE: how far an image is from pristine photographs, without a reference; lower is better.

Source: Mittal et al., "Making a 'Completely Blind' Image Quality Analyzer", 2013; the steps that the paper leaves
open are those of its authors' release.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor
from torch.nn.functional import pad

from esrgan_train.metrics.image_quality import rgb_to_y
from esrgan_train.metrics.pristine import Pristine

BLOCK = 96  # pixels a side, at the first of two scales
SMALLEST = 2 * BLOCK  # pixels a side inside the border: fewer blocks have no covariance to speak of
_RADIUS, _SIGMA = 3, 7 / 6  # of the window that normalizes
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows and columns to the other pixel of a product

Array = NDArray[np.float64]

_SHAPES = np.arange(200, 10_001) / 1000  # that are tried for the generalized Gaussian


def _ratio_of(shape: Array) -> Array:
    """E|x|² / E x² of a generalized Gaussian; it rises with its shape."""
    gamma = np.vectorize(math.lgamma)
    return np.exp(2 * gamma(2 / shape) - gamma(1 / shape) - gamma(3 / shape))  # type: ignore[no-any-return]


_RATIOS = _ratio_of(_SHAPES)


def niqe(images: Tensor, border: int, pristine: Pristine) -> Tensor:
    """NIQE of each image, on luma (BT.601, rounded) inside ``border``; NaN where too little can be measured.

    That is an image of less than two blocks of 96 pixels each way, or one that is flat in nearly all blocks.
    It is computed on the CPU, in float64.

    Shape:
        (B, 3 or 1, H, W), floating point in [0, 1], rounded to 8 bits as for the other measures → (B,) float64.
    """
    images = (images.detach().cpu().double().clamp(0, 1) * 255).round() / 255
    luma = (rgb_to_y(images)[:, 0] * 255).round()
    inside = luma[:, border : luma.shape[1] - border, border : luma.shape[2] - border]
    return torch.tensor([_of(image, pristine) for image in inside], dtype=torch.float64)


def _of(luma: Tensor, pristine: Pristine) -> float:
    """The distance of one image, (H, W) in [0, 255]."""
    if min(luma.shape) < SMALLEST:
        return math.nan
    height, width = (side // BLOCK * BLOCK for side in luma.shape)
    luma = luma[:height, :width]
    features = np.concatenate([_features(luma, BLOCK), _features(_halved(luma), BLOCK // 2)], axis=1)
    whole = features[~np.isnan(features).any(axis=1)]
    if len(whole) < 2:
        return math.nan
    offset = pristine.mean - np.nanmean(features, axis=0)
    covariance = (pristine.covariance + np.cov(whole, rowvar=False)) / 2
    return math.sqrt(offset @ np.linalg.pinv(covariance) @ offset)


def _halved(luma: Tensor) -> Tensor:
    """Half as large, as MATLAB's imresize does: bicubic, widened kernel, mirrored borders."""
    mirrored = np.pad(luma.numpy().astype(np.float32), 4, mode="symmetric")
    height, width = (side // 2 for side in mirrored.shape)
    half = PillowImage.fromarray(mirrored).resize((width, height), PillowImage.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(half)[2:-2, 2:-2].astype(np.float64))


def _features(luma: Tensor, side: int) -> Array:
    """The 18 features of each block of ``side`` pixels: (blocks, 18)."""
    rows, columns = (length // side for length in luma.shape)
    blocks = _normalized(luma).reshape(rows, side, columns, side).transpose(1, 2).reshape(-1, side, side)
    shape, left, right = _fitted(blocks)
    found = [shape, (left + right) / 2]
    for neighbour in _NEIGHBOURS:
        shape, left, right = _fitted(blocks * blocks.roll(neighbour, (1, 2)))
        found += [shape, (right - left) * _gamma(2 / shape) / _gamma(1 / shape), left, right]
    return np.stack(found, axis=1)


def _normalized(luma: Tensor) -> Tensor:
    """Each pixel without its surroundings' mean, in units of their deviation plus one."""
    mean = _blurred(luma)
    variance = _blurred(luma.square()) - mean.square()
    return (luma - mean) / (variance.abs().sqrt() + 1)


def _blurred(luma: Tensor) -> Tensor:
    """The Gaussian mean around each pixel; the border is continued by itself."""
    weights = [math.exp(-((place / _SIGMA) ** 2) / 2) for place in range(-_RADIUS, _RADIUS + 1)]
    extended = pad(luma[None, None], (_RADIUS,) * 4, mode="replicate")[0, 0]
    for dim in (0, 1):
        length = extended.shape[dim] - 2 * _RADIUS
        parts = (
            weight / sum(weights) * extended.narrow(dim, start, length) for start, weight in enumerate(weights)
        )
        extended = torch.stack(list(parts)).sum(0)
    return extended


def _fitted(blocks: Tensor) -> tuple[Array, Array, Array]:
    """Shape and both scales of the asymmetric generalized Gaussian of each block, (blocks,), by their moments.

    A block without values on one side has scales of NaN, and the first of the shapes that are tried.
    """
    left = _deviation(blocks, blocks < 0)
    right = _deviation(blocks, blocks > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = left / right
        flatness = (blocks.abs().mean(dim=(1, 2)).square() / blocks.square().mean(dim=(1, 2))).numpy()
        ratio = flatness * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    after = np.searchsorted(_RATIOS, ratio).clip(1, len(_RATIOS) - 1)
    nearer = after - (ratio - _RATIOS[after - 1] <= _RATIOS[after] - ratio)
    shape = _SHAPES[np.where(np.isnan(ratio), 0, nearer)]
    scale = np.sqrt(_gamma(1 / shape) / _gamma(3 / shape))
    return shape, left * scale, right * scale


def _deviation(blocks: Tensor, where: Tensor) -> Array:
    """The root of the mean square of some values of each block; NaN if there are none."""
    total = torch.where(where, blocks, 0).square().sum(dim=(1, 2))
    return (total / where.sum(dim=(1, 2))).sqrt().numpy()


def _gamma(values: Array) -> Array:
    return np.exp([math.lgamma(value) for value in values])
