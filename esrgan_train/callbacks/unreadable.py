"""Photos that cannot be read, in any process of the run."""

from __future__ import annotations

import sys

from lightning import Callback, LightningModule, Trainer

from esrgan_train.data.datamodule import DataModule
from esrgan_train.errors import UserError
from esrgan_train.processes import gather_objects


class Unreadable(Callback):
    """Exchanges between processes, at each validation, which photos could not be read.

    Each bad photo is reported and counted once a run, and too many bad held-out photos end all processes.
    """

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Exchange; ``UserError`` if more held-out photos than ``data.max_bad_fraction``, or all, are bad."""
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(datamodule, DataModule):
            return
        training, held_out = datamodule.bad
        for theirs in gather_objects((training.noted(), held_out.noted())):
            training.learn(theirs[0])
            held_out.learn(theirs[1])
        try:
            held_out.check()
        except UserError:
            if trainer.is_global_zero:
                raise
            sys.exit(2)  # the first process says why
