"""The published second-order degradation, one image at a time, put together from basicsr's functions."""

from __future__ import annotations

import math
import random

import numpy as np
import torch
import torch.nn.functional as F
from basicsr.data.degradations import (
    circular_lowpass_kernel,
    random_add_gaussian_noise_pt,
    random_add_poisson_noise_pt,
    random_mixed_kernels,
)
from basicsr.utils import DiffJPEG
from basicsr.utils.img_process_util import filter2D
from numpy.typing import NDArray

SHAPES = ["iso", "aniso", "generalized_iso", "generalized_aniso", "plateau_iso", "plateau_aniso"]
ODDS = [0.45, 0.25, 0.12, 0.03, 0.12, 0.03]
MODES = ["area", "bilinear", "bicubic"]
_JPEG = DiffJPEG(differentiable=False)


def seed_published(seed: int) -> None:
    """The published code draws from three global generators."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)


@torch.no_grad()
def degrade_published(hr: NDArray[np.float32], upscale: int = 4, *, aligned: bool = False) -> NDArray[np.float32]:
    """(H, W, 3) in [0,1] -> (H/upscale, W/upscale, 3), by the x4 recipe and the global generators.

    `aligned` removes the published shift of the content in the first resize and nothing else.
    """
    height, width = hr.shape[:2]
    out = torch.from_numpy(hr).permute(2, 0, 1)[None].contiguous()
    out = filter2D(out, _kernel([0.2, 3.0]))
    factor = _factor([0.2, 0.7, 0.1], [0.15, 1.5])
    if aligned:
        out = _resize(out, (int(height * factor), int(width * factor)))
    else:
        out = F.interpolate(out, scale_factor=factor, mode=random.choice(MODES))
    out = _compress(_noise(out, [1, 30], [0.05, 3]))

    if _uniform(0, 1) < 0.8:
        out = filter2D(out, _kernel([0.2, 1.5]))
    factor = _factor([0.3, 0.4, 0.3], [0.3, 1.2])
    out = _resize(out, (int(height / upscale * factor), int(width / upscale * factor)))
    out = _noise(out, [1, 25], [0.05, 2.5])
    final = torch.zeros(1, 21, 21)
    final[0, 10, 10] = 1
    if _uniform(0, 1) < 0.8:
        cutoff = _uniform(np.pi / 3, np.pi)
        final = torch.FloatTensor(circular_lowpass_kernel(cutoff, _size(), pad_to=21))[None]
    size = (height // upscale, width // upscale)
    if _uniform(0, 1) < 0.5:
        out = _compress(filter2D(_resize(out, size), final))
    else:
        out = filter2D(_resize(_compress(out), size), final)
    lr: NDArray[np.float32] = (out * 255).round().clamp(0, 255).div(255)[0].permute(1, 2, 0).numpy()
    return lr


def _uniform(low: float, high: float) -> float:
    return float(np.random.uniform(low, high))  # noqa: NPY002


def _size() -> int:
    return random.choice(range(7, 22, 2))


def _kernel(sigma: list[float]) -> torch.Tensor:
    size = _size()
    if _uniform(0, 1) < 0.1:
        kernel = circular_lowpass_kernel(_uniform(np.pi / (3 if size < 13 else 5), np.pi), size)
    else:
        turn = [-math.pi, math.pi]
        kernel = random_mixed_kernels(SHAPES, ODDS, size, sigma, sigma, turn, [0.5, 4], [1, 2])
    return torch.FloatTensor(np.pad(kernel, (21 - size) // 2))[None]


def _factor(odds: list[float], limits: list[float]) -> float:
    choice = random.choices(["up", "down", "keep"], odds)[0]
    return {"up": _uniform(1, limits[1]), "down": _uniform(limits[0], 1), "keep": 1.0}[choice]


def _resize(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(image, size=size, mode=random.choice(MODES))


def _noise(image: torch.Tensor, sigma: list[float], scale: list[float]) -> torch.Tensor:
    if _uniform(0, 1) < 0.5:
        noisy: torch.Tensor = random_add_gaussian_noise_pt(image, sigma_range=sigma, clip=True, gray_prob=0.4)
    else:
        noisy = random_add_poisson_noise_pt(image, scale_range=scale, clip=True, gray_prob=0.4)
    return noisy


def _compress(image: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = _JPEG(image.clamp(0, 1), quality=torch.empty(1).uniform_(30, 95))
    return out
