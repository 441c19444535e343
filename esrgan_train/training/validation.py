"""Held-out photos: enlarged by the averaged generator and by bicubic interpolation, and measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from esrgan_train.errors import UserError
from esrgan_train.inference.baseline import enlarge_bicubic
from esrgan_train.inference.geometry import reach_of
from esrgan_train.inference.tiling import enlarge_tiled
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.training.processes import are_several, sum_over_all

_TILE = 256  # LR pixels a side that are enlarged at once

_CLEAN = ("psnr", "ssim")  # what is measured on a clean reduction too
_FIGURES = (
    *MEASURES,
    *(f"{name}_bicubic" for name in MEASURES),
    *(f"{name}_clean" for name in _CLEAN),
    *(f"{name}_clean_bicubic" for name in _CLEAN),
)


class Validation(nn.Module):
    """Adds up the figures of held-out photos, each process of those it takes.

    Of a photo only the floats of HR and its enlargements exist as a whole: a network that looks a finite way
    sees tiles, and the measures take strips of rows.

    Args:
        upscale: output pixels per input pixel, each way; as many are cut off as a border.
        memory_format: of what the network is given.
    """

    sums: Tensor

    def __init__(self, *, upscale: int, memory_format: torch.memory_format) -> None:
        super().__init__()
        self.upscale = upscale
        self.memory_format = memory_format
        self.register_buffer("sums", torch.zeros(len(_FIGURES), 2), persistent=False)  # of values, of photos
        self._tiling: tuple[int, int] | None = None  # side of a tile (0: whole) and reach, once needed

    def take(self, network: nn.Module, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Measure a batch; its enlargements for those who show them, or nothing where it stands for no photo.

        Args:
            network: (B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale); the same at each call.
            batch: ``lr`` and, if there is one, ``lr_clean`` (B, 3, h, w); ``hr`` (B, 3, h·upscale, w·upscale);
                ``counts``: whether it stands for photos.

        Returns:
            ``sr`` and ``bicubic`` (B, 3, h·upscale, w·upscale).
        """
        if not batch["counts"].all():
            return {}
        lr, hr, clean = batch["lr"], batch["hr"], batch.get("lr_clean")
        shown = {"sr": self._enlarged(network, lr), "bicubic": enlarge_bicubic(lr, self.upscale)}
        self._add(shown["sr"], hr, tuple(MEASURES), "")
        self._add(shown["bicubic"], hr, tuple(MEASURES), "_bicubic")
        if clean is not None:
            self._add(self._enlarged(network, clean), hr, _CLEAN, "_clean")
            self._add(enlarge_bicubic(clean, self.upscale), hr, _CLEAN, "_clean_bicubic")
        return shown

    def means(self) -> dict[str, float]:
        """The means over the photos of all processes, by name; the next ones start anew.

        Raises:
            UserError: no process has measured a photo.
        """
        total = self.sums.clone()
        self.sums.zero_()
        if are_several():
            sum_over_all(total)
        means = {name: value / photos for name, (value, photos) in _named(total) if photos}
        if not means:
            raise UserError("no held-out photo of this validation can be read: give others with data.val_dir")
        return means

    def _add(self, sr: Tensor, hr: Tensor, names: tuple[str, ...], suffix: str) -> None:
        for name in names:
            score = MEASURES[name](sr, hr, self.upscale)
            self.sums[_FIGURES.index(name + suffix)] += torch.stack([score.sum(), score.new_tensor(len(score))])

    def _enlarged(self, network: nn.Module, lr: Tensor) -> Tensor:
        def enlarge(piece: Tensor) -> Tensor:
            # A copy: a network may work in place on its input, which others see, and of which tiles share parts.
            return network(piece.clone(memory_format=self.memory_format))  # type: ignore[no-any-return]

        if max(lr.shape[-2:]) <= _TILE:
            return enlarge(lr)
        if self._tiling is None:
            radius = reach_of(network)
            self._tiling = (0, 0) if radius is None else (_TILE, radius)
        tile, radius = self._tiling
        return enlarge_tiled(enlarge, lr, tile=tile, radius=radius, scale=self.upscale)


def _named(total: Tensor) -> Iterator[tuple[str, list[float]]]:
    return zip(_FIGURES, total.tolist(), strict=True)
