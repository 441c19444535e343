"""The field's ``.pth`` and ``.safetensors``, opened again by spandrel as other programs do."""

from __future__ import annotations

from collections.abc import Iterator

import spandrel
from torch import nn

from esrgan_train.archs.folding import weights_to_save
from esrgan_train.errors import UserError
from esrgan_train.export.formats import Request
from esrgan_train.export.verification import Verdict, runner, verify
from esrgan_train.inference.models import load_generator
from esrgan_train.modelfiles.field import options_apart
from esrgan_train.modelfiles.weights import save_model


def write(generator: nn.Module, request: Request) -> Iterator[Verdict]:
    """Write the file and open it as another program would: by spandrel, or here if spandrel does not know it.

    Raises:
        UserError: spandrel takes the file for another network.
    """
    (variant,) = request.variants
    label, path = variant.label, request.file(f"{variant.suffix}.{request.format}")
    save_model(path, weights_to_save(generator), request.metadata)
    try:
        opened = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except spandrel.UnsupportedModelError:
        run = runner(load_generator(path))
        yield verify(run, generator, label=label, files=(path,), engine="esrgan_train")
        return
    network, kind = opened.model.eval(), opened.architecture.id
    verdict = verify(runner(network), generator, label=label, files=(path,), engine=f"spandrel ({kind})")
    if not verdict.passed:
        apart = options_apart(network, generator) if type(network) is type(generator) else {}
        guess = " ".join([f"{kind} ×{opened.scale}", *(f"{name}={value}" for name, value in apart.items())])
        raise UserError(
            f"--format {label} would be used wrongly by other programs: from the weights, spandrel guesses "
            f"{guess}, which is not what was trained; leave {label} out (this project's commands open the model "
            "as it is)"
        )
    yield verdict
