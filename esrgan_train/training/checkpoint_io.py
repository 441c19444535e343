"""How a checkpoint comes to the disk: whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from esrgan_train.files import replacing
from esrgan_train.training.objective import Stage

LAST = "last.ckpt"


def best_file(stage: Stage) -> str:
    """The name of a stage's best checkpoint."""
    return f"best_{stage}.ckpt"


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes beside the place, flushes to the disk, and renames; a failure is kept in ``error``, not raised.

    Only the first process writes, and the others wait for it: an exception in it alone would leave them
    waiting.
    """

    def __init__(self) -> None:
        super().__init__()
        self.error: str | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write ``checkpoint`` to ``path``; afterwards ``error`` says why that failed, or is None."""
        assert storage_options is None
        try:
            with replacing(Path(path), durable=True) as partial, partial.open("wb") as file:
                torch.save(checkpoint, file)
        except (OSError, RuntimeError) as error:  # torch reports a write that failed as RuntimeError
            self.error = " ".join(str(error).split())
        else:
            self.error = None
