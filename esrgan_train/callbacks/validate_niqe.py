"""val/niqe, of enlarged held-out photos, and val/niqe_real, of pictures without HR."""

from __future__ import annotations

import math
from typing import Annotated, Any

from lightning import Callback, Trainer
from torch import Tensor

from esrgan_train.bounds import Wanted, bounded
from esrgan_train.callbacks.real_pictures import Enlarged, TakesReal
from esrgan_train.errors import given_as
from esrgan_train.metrics.niqe import niqe
from esrgan_train.metrics.pristine import Pristine, chosen_parameters
from esrgan_train.processes import gather_objects
from esrgan_train.training.module import ESRGANModule

HELD_OUT, REAL = "val/niqe", "val/niqe_real"  # their names in the log

Parameters = Annotated[str | None, Wanted("auto, a file (.npz or .mat) or null")]


class ValidateNiqe(Callback, TakesReal):
    """Logs NIQE at each validation; pictures too small for it do not count, see ``metrics.niqe``.

    Args:
        parameters: of pristine photographs, see ``metrics.pristine``: a file, or ``auto`` for the one that an
            installed BasicSR carries; None leaves NIQE out.

    Raises:
        UserError: there are none, or they cannot be read.
    """

    @bounded
    def __init__(self, *, parameters: Parameters) -> None:
        self.pristine = None if parameters is None else _read(str(parameters))
        self._values: dict[str, list[float]] = {HELD_OUT: [], REAL: []}

    def on_real_picture(self, trainer: Trainer, pl_module: ESRGANModule, picture: Enlarged) -> None:
        """Add its enlargement to the mean that is logged."""
        if self.pristine is not None:
            self._add(REAL, picture.sr, pl_module.upscale, self.pristine)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        if self.pristine is not None and outputs:
            self._add(HELD_OUT, outputs["sr"], pl_module.upscale, self.pristine)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if self.pristine is None:
            return
        found, self._values = gather_objects(self._values), {HELD_OUT: [], REAL: []}
        values = {name: [value for each in found for value in each[name]] for name in (HELD_OUT, REAL)}
        if means := {name: sum(each) / len(each) for name, each in values.items() if each}:
            pl_module.log_validation(means)

    def _add(self, name: str, sr: Tensor, border: int, pristine: Pristine) -> None:
        self._values[name] += [v for v in niqe(sr, border, pristine).tolist() if not math.isnan(v)]


def _read(parameters: str) -> Pristine:
    with given_as(f"callbacks.niqe.parameters={parameters}: "):
        return chosen_parameters(parameters)
