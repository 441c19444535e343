"""The field's ``.pth`` and ``.safetensors``, opened again by spandrel as other programs do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import spandrel
from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.exported import FLOAT32_TOLERANCE, Exported
from esrgan_train.export.photos import verification_photos
from esrgan_train.export.reference import runner
from esrgan_train.export.verify import largest_difference
from esrgan_train.modelfiles.field import options_apart
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights, save_model


def export_weights(generator: nn.Module, path: Path, metadata: Mapping[str, Any]) -> Exported:
    """Write ``path`` (``.pth`` or ``.safetensors``) and open it as another program would.

    An architecture that spandrel does not know is opened by this framework instead.

    Raises:
        UserError: spandrel takes the file for another network.
    """
    save_model(path, generator.state_dict(), metadata)
    label = path.suffix.removeprefix(".")
    try:
        opened = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except spandrel.UnsupportedModelError:
        again = rebuild_generator(load_weights(path))
        return Exported(
            label=label, files=(path,), engine="esrgan_train", run=runner(again), tolerance=FLOAT32_TOLERANCE
        )
    network = opened.model.eval()
    photo = verification_photos()[-1]
    if largest_difference(runner(network)(photo), runner(generator)(photo)) > FLOAT32_TOLERANCE:
        same = type(network) is type(generator)
        guessed = [f"{name}={value}" for name, value in options_apart(network, generator).items()] if same else []
        guess = " ".join([f"{opened.architecture.id} ×{opened.scale}", *guessed])
        raise UserError(
            f"--format {label} would be used wrongly by other programs: of the weights, spandrel guesses {guess}, "
            f"which is not what was trained; leave {label} out (this project's commands open the model as it is)"
        )
    return Exported(
        label=label,
        files=(path,),
        engine=f"spandrel ({opened.architecture.id})",
        run=runner(network),
        tolerance=FLOAT32_TOLERANCE,
    )
