"""model/: a run's weights for other programs, and which they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from esrgan_train.files import replacing, reporting_failure
from esrgan_train.modelfiles.weights import save_model
from esrgan_train.training.stages import StageName

NOTE = "model.json"
_SUFFIXES = (".pth", ".safetensors")


class ModelFolder:
    """``<name>.pth``, ``<name>.safetensors`` and ``model.json``, which says which weights these hold, and why."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    def holds(self, stage: StageName, step: int) -> bool:
        """Whether it holds the weights of this iteration."""
        note = self.note()
        return (note.get("stage"), note.get("iterations")) == (stage, step)

    def note(self) -> dict[str, Any]:
        """What its note says; empty without one, or where a file is missing."""
        try:
            found = json.loads((self.folder / NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        whole = all((self.folder / f"{self.name}{suffix}").exists() for suffix in _SUFFIXES)
        return found if whole and isinstance(found, dict) else {}

    def write(
        self, weights: Mapping[str, Tensor], metadata: Mapping[str, Any], *, stage: StageName, step: int, why: str
    ) -> None:
        """Replace the files by these weights, and then the note; a failure to write is reported, not raised."""
        metadata = {**metadata, "iterations": step, "stage": stage, "chosen": why}
        written = 0
        for suffix in _SUFFIXES:
            path = self.folder / f"{self.name}{suffix}"
            with reporting_failure(str(path)):
                save_model(path, weights, metadata)
                written += 1
        if written < len(_SUFFIXES):
            return  # the note stays behind, and the files are written again next time
        note = {"files": [f"{self.name}{suffix}" for suffix in _SUFFIXES], "stage": stage, "iterations": step}
        path = self.folder / NOTE
        with reporting_failure(str(path)), replacing(path) as partial:
            partial.write_text(json.dumps({**note, "holds": why}, indent=2) + "\n", encoding="utf-8")
