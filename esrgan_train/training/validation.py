"""The scores of held-out photos, enlarged by the averaged generator and by bicubic interpolation."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning import Trainer
from torch import Tensor, nn

from esrgan_train.errors import RunError, UserError
from esrgan_train.inference.baseline import enlarge_bicubic
from esrgan_train.inference.geometry import Geometry, measure, reach_of, seams_of
from esrgan_train.inference.memory import in_smaller_tiles, ran_out
from esrgan_train.inference.statements import statement_of
from esrgan_train.inference.tiling import continued, enlarge_tiled
from esrgan_train.kernels import any_shape, exact_float32
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.processes import all_reduce_sum
from esrgan_train.training.batch import checked_batch

log = logging.getLogger(__name__)

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

    To save memory, a network of finite reach, or one whose class states that its tiles may overlap, sees tiles,
    which become smaller when memory runs out, and the measures take strips of rows. On a GPU everything is
    computed in float32 as such, and nothing waits for the result before ``figures``. What bicubic enlargement
    scores is the same each time: it is measured once a photo.

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
        self._tile = _TILE  # LR pixels a side
        self._radius: tuple[int | None] | None = None  # of the network, once needed
        self._stated: tuple[Geometry | None] | None = None  # see ``_stated_by``
        self._bicubic: dict[Hashable, list[Tensor]] = {}  # what was added to the sums, by photo

    def add(self, network: nn.Module, batch: object, *, position: int | None = None) -> dict[str, Tensor]:
        """Measure a batch; return its enlargement ``sr`` (B, 3, h·upscale, w·upscale).

        Args:
            network: (B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale); the same at each call.
            batch: see ``batch.checked_batch``; optional are ``lr_clean`` (B, 3, h, w), a clean reduction that is
                measured too, ``name``, of each photo, and ``counts`` (B,): where it is false, the batch stands
                for no photo, and nothing is returned. On a GPU, where asking takes long, only batches of one LR
                pixel are asked.
            position: of the batch in each validation: the same name there means the same pictures. Without it,
                or without names, bicubic enlargement is measured each time.

        Raises:
            RunError: a photo needs more memory than there is.
        """
        photos = checked_batch(batch)
        if _stands_for_none(photos):
            return {}
        with _naming_size(*photos["hr"].shape[-2:]):
            return self._add(network, photos, position)

    def enlarge(self, network: nn.Module, lr: Tensor) -> Tensor:
        """A picture that is not measured, (B, C, h, w) in [0, 1] to (B, C, h·upscale, w·upscale), as ``add`` does.

        Raises:
            RunError: it needs more memory than there is.
        """
        with _naming_size(*(side * self.upscale for side in lr.shape[-2:])):
            return self._enlarge(network, lr)

    def _add(self, network: nn.Module, photos: dict[str, Any], position: int | None) -> dict[str, Tensor]:
        lr, hr, clean = photos["lr"], photos["hr"], photos.get("lr_clean")
        sr = self._enlarge(network, lr)
        self._count(self._measured(sr, hr, tuple(MEASURES)), tuple(MEASURES), "")
        if clean is not None:
            self._count(self._measured(self._enlarge(network, clean), hr, _CLEAN), _CLEAN, "_clean")
        names = photos.get("name")
        key = None if position is None or names is None else (position, *names, hr.shape, hr.device)
        given = {"": (lr, tuple(MEASURES))} | ({} if clean is None else {"_clean": (clean, _CLEAN)})
        for suffix, (low, measures) in given.items():
            found = self._bicubic.get((key, suffix)) if key is not None else None
            if found is None:
                found = self._measured(enlarge_bicubic(low, self.upscale), hr, measures)
                if key is not None:
                    self._bicubic[key, suffix] = found
            self._count(found, measures, f"{suffix}_bicubic")
        return {"sr": sr}

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
            raise UserError(
                "no held-out photo of this validation can be read: give others with data.val_dir, or with "
                "data=mixed data.pairs_val_dir"
            )
        return means

    def _measured(self, sr: Tensor, hr: Tensor, names: Sequence[str]) -> list[Tensor]:
        """For each measure the sum of its values and their number, (2,)."""
        scores = [MEASURES[name](sr, hr, self.upscale) for name in names]
        return [torch.stack([score.sum(), score.new_full((), len(score))]) for score in scores]

    def _count(self, measured: list[Tensor], names: Sequence[str], suffix: str) -> None:
        for name, both in zip(names, measured, strict=True):
            self.sums[_FIGURES.index(name + suffix)] += both

    def _enlarge(self, network: nn.Module, lr: Tensor) -> Tensor:
        def enlarge(piece: Tensor) -> Tensor:
            # A copy: a network may work in place on its input, and tiles overlap.
            return network(piece.clone(memory_format=self.memory_format))  # type: ignore[no-any-return]

        def enlarge_in(tile: int) -> Tensor:
            if max(lr.shape[-2:]) <= tile or (radius := self._radius_of(network)) is None:
                return enlarge(lr)
            return enlarge_tiled(enlarge, lr, tile=tile, radius=radius, scale=self.upscale)

        height, width = lr.shape[-2:]
        if (stated := self._stated_by(network)) is not None:
            lr = continued(lr, stated.fit(height), stated.fit(width))
        if max(lr.shape[-2:]) > self._tile and self._radius_of(network) is None:
            sr = enlarge(lr)
        else:
            sr, self._tile = in_smaller_tiles(enlarge_in, self._tile, multiple=stated.step if stated else 1)
        return sr[..., : height * self.upscale, : width * self.upscale]

    def _radius_of(self, network: nn.Module) -> int | None:
        if self._radius is None:
            stated = self._stated_by(network)
            self._radius = (reach_of(network) if stated is None else stated.radius,)
            if stated is not None and (seams := seams_of(type(network).__name__, stated)):
                log.info("validation: photos of more than %d LR pixels a side in tiles, %s", self._tile, seams)
        return self._radius[0]

    def _stated_by(self, network: nn.Module) -> Geometry | None:
        """Of a network whose class says how its tiles join: photos are made to fit as ``upscale`` does."""
        if self._stated is None:
            self._stated = (None if statement_of(type(network)) is None else measure(network),)
        return self._stated[0]


@contextmanager
def _naming_size(height: int, width: int) -> Iterator[None]:
    """Compute as a validation does; a lack of memory becomes a ``RunError``."""
    try:
        with exact_float32(), any_shape():
            yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"not enough memory to validate a photo of {width} × {height} pixels ({reason}): give a smaller "
            "data.val_max_size"
        ) from error


def _stands_for_none(photos: dict[str, Any]) -> bool:
    counts: Tensor | None = photos.get("counts")
    if counts is None or (counts.device.type != "cpu" and photos["lr"].shape[-2:] != (1, 1)):
        return False
    return not counts.all()
