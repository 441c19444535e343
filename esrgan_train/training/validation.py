"""The scores of held-out photos, enlarged by the averaged generator and by bicubic interpolation."""

from __future__ import annotations

import torch
from lightning import Trainer
from torch import Tensor, nn

from esrgan_train.errors import UserError
from esrgan_train.inference.baseline import enlarge_bicubic
from esrgan_train.inference.geometry import reach_of
from esrgan_train.inference.tiling import enlarge_tiled
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.processes import all_reduce_sum
from esrgan_train.training.batch import checked_batch

_TILE = 256  # LR pixels a side that are enlarged at once

_CLEAN = ("psnr", "ssim")  # what is measured on a clean reduction too
_FIGURES = (
    *MEASURES,
    *(f"{name}_bicubic" for name in MEASURES),
    *(f"{name}_clean" for name in _CLEAN),
    *(f"{name}_clean_bicubic" for name in _CLEAN),
)


def is_trial(trainer: Trainer) -> bool:
    """Whether this is Lightning's sanity check on a few of the photos, whose figures mean nothing.

    With all held-out photos (``trainer.num_sanity_val_steps=-1``) it counts: it measures the first weights.
    """
    return trainer.sanity_checking and trainer.num_sanity_val_batches != trainer.num_val_batches


class Validation(nn.Module):
    """Adds up the figures of held-out photos, in each process those of its share.

    To save memory, a network of finite reach sees tiles, and the measures take strips of rows.

    Args:
        upscale: output pixels per input pixel, each way; a border of as many is left out.
        memory_format: of the network's input.
    """

    sums: Tensor

    def __init__(self, *, upscale: int, memory_format: torch.memory_format) -> None:
        super().__init__()
        self.upscale = upscale
        self.memory_format = memory_format
        self.register_buffer("sums", torch.zeros(len(_FIGURES), 2), persistent=False)  # of values, of photos
        self._tiling: tuple[int, int] | None = None  # side of a tile (0: whole) and reach, once needed

    def add(self, network: nn.Module, batch: object) -> dict[str, Tensor]:
        """Measure a batch; return its enlargements ``sr`` and ``bicubic`` (B, 3, h·upscale, w·upscale).

        Args:
            network: (B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale); the same at each call.
            batch: see ``batch.checked_batch``; optional are ``lr_clean`` (B, 3, h, w), a clean reduction that is
                measured too, and ``counts`` (B,): where it is false, the batch stands for no photo, and nothing
                is returned.
        """
        photos = checked_batch(batch)
        if not photos.get("counts", torch.ones(1)).all():
            return {}
        lr, hr, clean = photos["lr"], photos["hr"], photos.get("lr_clean")
        shown = {"sr": self._enlarge(network, lr), "bicubic": enlarge_bicubic(lr, self.upscale)}
        self._measure(shown["sr"], hr, tuple(MEASURES), "")
        self._measure(shown["bicubic"], hr, tuple(MEASURES), "_bicubic")
        if clean is not None:
            self._measure(self._enlarge(network, clean), hr, _CLEAN, "_clean")
            self._measure(enlarge_bicubic(clean, self.upscale), hr, _CLEAN, "_clean_bicubic")
        return shown

    def figures(self) -> dict[str, float]:
        """The means over the photos of all processes, named as they are logged; the sums start again from zero.

        Raises:
            UserError: no process has measured a photo.
        """
        total = self.sums.clone()
        self.sums.zero_()
        all_reduce_sum(total)
        named = zip(_FIGURES, total.tolist(), strict=True)
        means = {f"val/{name}": value / photos for name, (value, photos) in named if photos}
        if not means:
            raise UserError("no held-out photo of this validation can be read: give others with data.val_dir")
        return means

    def _measure(self, sr: Tensor, hr: Tensor, names: tuple[str, ...], suffix: str) -> None:
        for name in names:
            score = MEASURES[name](sr, hr, self.upscale)
            self.sums[_FIGURES.index(name + suffix)] += torch.stack([score.sum(), score.new_tensor(len(score))])

    def _enlarge(self, network: nn.Module, lr: Tensor) -> Tensor:
        def enlarge(piece: Tensor) -> Tensor:
            # A copy: a network may work in place on its input, and tiles overlap.
            return network(piece.clone(memory_format=self.memory_format))  # type: ignore[no-any-return]

        if max(lr.shape[-2:]) <= _TILE:
            return enlarge(lr)
        if self._tiling is None:
            radius = reach_of(network)
            self._tiling = (0, 0) if radius is None else (_TILE, radius)
        tile, radius = self._tiling
        return enlarge_tiled(enlarge, lr, tile=tile, radius=radius, scale=self.upscale)
