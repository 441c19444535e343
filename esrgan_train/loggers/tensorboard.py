"""TensorBoard: ``tensorboard --logdir runs``."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from esrgan_train.errors import UserError
from esrgan_train.images.decode import decode
from esrgan_train.loggers.attempts import OptionalLogger
from esrgan_train.loggers.quiet import quiet_threads


class TensorBoard(OptionalLogger):
    """Writes to ``<run_dir>/tensorboard``; what a resumed run writes anew replaces what it wrote before.

    Args:
        run_dir: the run folder.

    Raises:
        UserError: the package is not installed.
    """

    def __init__(self, *, run_dir: str) -> None:
        super().__init__(run_dir=run_dir, title="TensorBoard")
        if importlib.util.find_spec("tensorboard") is None:
            raise UserError("logger=tensorboard needs the tensorboard package: pip install tensorboard")
        self._writer: Any = None

    @property
    def name(self) -> str:
        """The logger's name among others."""
        return "tensorboard"

    def send_metrics(self, metrics: dict[str, float], step: int) -> None:
        """Write one reading."""
        for name, value in metrics.items():
            self.writer(step).add_scalar(name, value, step)

    def send_picture(self, name: str, path: Path, step: int) -> None:
        """Write a picture."""
        self.writer(step).add_image(name, decode(path), step, dataformats="HWC")

    def close(self, status: str) -> None:  # noqa: ARG002 — TensorBoard knows no status
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def writer(self, step: int) -> Any:
        """The writer, made at the first reading: a resumed run hides what was written from ``step`` on."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            quiet_threads("tensorboard")  # what fails in its thread is raised again at the next call
            self._writer = SummaryWriter(str(self.run_dir / "tensorboard"), purge_step=step)
        return self._writer
