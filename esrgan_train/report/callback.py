"""report.html, when a run ends."""

from __future__ import annotations

import logging
from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from esrgan_train.bounds import bounded
from esrgan_train.errors import StopAtOnceError, UserError
from esrgan_train.files import reporting_failure

log = logging.getLogger(__name__)


class Report(Callback):
    """Writes the run's page at its end, also at an early one; a page that cannot be made is a warning."""

    @bounded
    def __init__(self, *, run_dir: str) -> None:
        self.run_dir = Path(run_dir)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it."""
        self._write(trainer, None)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write it with the reason, unless the user wants the run to end at once."""
        if isinstance(exception, Exception) and not isinstance(exception, StopAtOnceError):
            self._write(trainer, " ".join(str(exception).split()) or type(exception).__name__)

    def _write(self, trainer: Trainer, ended: str | None) -> None:
        if not trainer.is_global_zero or not (self.run_dir / "config.yaml").exists():
            return
        # Imported here: training need not wait for what only its end needs.
        from esrgan_train.report.folder import read_folders
        from esrgan_train.report.page import PAGE, write_page

        path = self.run_dir / PAGE
        try:
            runs = read_folders([self.run_dir])
            if not runs[0].is_empty:
                with reporting_failure(str(path)):
                    write_page(path, runs, ended=ended)
        except UserError as error:
            log.warning("there is no %s: %s", PAGE, error)
