"""Real low-quality pictures (``data.val_lr_dir``), enlarged at each validation for whoever wants them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from lightning import Callback, Trainer
from torch import Tensor

from esrgan_train.data.datamodule import DataModule
from esrgan_train.training.module import ESRGANModule


class Enlarged(NamedTuple):
    """A picture without HR, as the averaged generator enlarges it, on the device."""

    name: str
    lr: Tensor  # (1, C, h, w) in [0, 1]
    sr: Tensor  # (1, C, h·upscale, w·upscale), not clamped


class TakesReal(ABC):
    """A callback that shows or measures real pictures."""

    @abstractmethod
    def on_real_picture(self, trainer: Trainer, pl_module: ESRGANModule, picture: Enlarged) -> None:
        """Called in the first process for each picture of a validation, before any held-out photo."""


class RealPictures(Callback):
    """Hands each picture of ``data.val_lr_dir`` to all callbacks that take them; without any it does nothing.

    The pictures are few: the first process enlarges them, and the others wait at the end of the validation.
    """

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
        takers = [callback for callback in callbacks if isinstance(callback, TakesReal)]
        if not isinstance(datamodule, DataModule) or not takers or not trainer.is_global_zero:
            return
        for name, picture in datamodule.real_pictures():
            lr = picture[None].to(pl_module.device)
            sr = pl_module.validation.enlarge(pl_module.evaluated, lr)
            for taker in takers:
                taker.on_real_picture(trainer, pl_module, Enlarged(name, lr, sr))
