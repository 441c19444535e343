"""The field's ``.pth`` and ``.safetensors``, opened again by spandrel as other programs do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import spandrel
from torch import nn

from esrgan_train.archs.build import build_generator
from esrgan_train.archs.weights import load_weights, save_model
from esrgan_train.errors import UserError
from esrgan_train.export.exported import FLOAT32_TOLERANCE, Exported
from esrgan_train.export.reference import runner


def export_weights(generator: nn.Module, path: Path, metadata: Mapping[str, Any]) -> Exported:
    """Write ``path`` (``.pth`` or ``.safetensors``) and open it as another program would.

    An architecture that spandrel does not know is opened by this framework instead.

    Raises:
        UserError: spandrel takes the file for a model of another scale.
    """
    save_model(path, generator.state_dict(), metadata)
    label = path.suffix.removeprefix(".")
    try:
        opened = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except spandrel.UnsupportedModelError:
        again = build_generator(load_weights(path))
        return Exported(
            label=label, files=(path,), engine="esrgan_train", run=runner(again), tolerance=FLOAT32_TOLERANCE
        )
    if opened.scale != metadata["upscale"]:
        raise UserError(
            f"{path.name} enlarges {metadata['upscale']} times, but spandrel reads it as "
            f"{opened.architecture.id} ×{opened.scale}: other programs would use it wrongly; "
            "rename the weights of your architecture"
        )
    return Exported(
        label=label,
        files=(path,),
        engine=f"spandrel ({opened.architecture.id})",
        run=runner(opened.model.eval()),
        tolerance=FLOAT32_TOLERANCE,
    )
