"""LR and HR of a sample, which are altered alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Pair(NamedTuple):
    """The images of a sample on one device, float32 in [0,1]; or those of a batch, with one dimension before."""

    lr: Tensor  # (C, h, w)
    hr: Tensor  # (C, h·upscale, w·upscale)
    hr_target: Tensor  # as ``hr``, and ``hr`` itself unless the recipe sharpens

    @property
    def upscale(self) -> int:
        """HR pixels per LR pixel, each way."""
        return int(self.hr.shape[-1] // self.lr.shape[-1])


def mixed(first: Pair, second: Pair, mix: Callable[[Tensor, Tensor, int], Tensor]) -> Pair:
    """Each image of ``first`` mixed with that of ``second``, by ``mix(one, other, pixels per LR pixel)``."""
    hr = mix(first.hr, second.hr, first.upscale)
    sharpened = first.hr_target is not first.hr
    target = mix(first.hr_target, second.hr_target, first.upscale) if sharpened else hr
    return Pair(mix(first.lr, second.lr, 1), hr, target)
