"""Checkpoint files: written whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from esrgan_train.files import reporting_failure
from esrgan_train.modelfiles.tensor_files import write_torch
from esrgan_train.moved import with_todays_states
from esrgan_train.training.stages import StageName

LAST = "last.ckpt"


def best_file(stage: StageName) -> str:
    """The name of a stage's best checkpoint."""
    return f"best_{stage}.ckpt"


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes to a temporary name, flushes to disk, and renames.

    A failure is reported, not raised: only the first process writes, and the others would wait for it for ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self.saved = False  # the last time

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write ``checkpoint`` to ``path``; afterwards ``saved`` says whether that worked."""
        assert storage_options is None
        self.saved = False
        with reporting_failure(str(path)):
            write_torch(Path(path), checkpoint, durable=True)
            self.saved = True

    def load_checkpoint(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Read a checkpoint, with the names of today in those of earlier versions."""
        return with_todays_states(super().load_checkpoint(*arguments, **options))
