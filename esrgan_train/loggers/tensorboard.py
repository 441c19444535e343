"""TensorBoard: ``tensorboard --logdir runs``."""

from __future__ import annotations

import importlib.util
import logging
import threading
from functools import cache, partial
from pathlib import Path

from lightning.pytorch.loggers import TensorBoardLogger

from esrgan_train.bounds import bounded
from esrgan_train.errors import UserError
from esrgan_train.images.decode import decode
from esrgan_train.loggers.background import Background

log = logging.getLogger(__name__)


@bounded
def tensorboard_logger(*, run_dir: str) -> Background:
    """A logger that writes to ``<run_dir>/tensorboard``; what a resumed run logs again replaces what was there.

    Raises:
        UserError: the package is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UserError("logger=tensorboard needs the tensorboard package: pip install tensorboard")
    return Background(name="tensorboard", title="TensorBoard", make=partial(_open, run_dir))


class _TensorBoard(TensorBoardLogger):
    def log_image(self, key: str, images: list[str], step: int) -> None:
        for image in images:
            self.experiment.add_image(key, decode(Path(image)), step, dataformats="HWC")

    def save(self) -> None:
        """Nothing: Lightning would write an empty hparams.yaml."""


def _open(run_dir: str, step: int) -> _TensorBoard:
    hide_writer_errors()
    return _TensorBoard(run_dir, "tensorboard", version="", purge_step=step)


@cache
def hide_writer_errors() -> None:
    """Let TensorBoard's own thread fail without a traceback: its error is raised again at the next call."""
    before = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        if type(failure.thread).__module__.startswith("tensorboard."):
            log.debug("TensorBoard's thread failed: %s", failure.exc_value)
        else:
            before(failure)

    threading.excepthook = hook
