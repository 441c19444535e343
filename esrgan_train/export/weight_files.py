"""The field's ``.pth`` and ``.safetensors``, opened again by spandrel as other programs do."""

from __future__ import annotations

from collections.abc import Iterator

import spandrel
from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.formats import Request
from esrgan_train.export.source import read_source
from esrgan_train.export.verification import Verdict, runner, verify
from esrgan_train.modelfiles.field import options_apart
from esrgan_train.modelfiles.weights import save_model


def write(generator: nn.Module, request: Request) -> Iterator[Verdict]:
    """Write the file and open it as another program would.

    An architecture that spandrel does not know is opened by this framework instead.

    Raises:
        UserError: spandrel takes the file for another network.
    """
    label, path = request.format, request.file(f".{request.format}")
    save_model(path, generator.state_dict(), request.metadata)
    try:
        opened = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except spandrel.UnsupportedModelError:
        again = runner(read_source(path)[1])
        yield verify(again, generator, label=label, files=(path,), engine="esrgan_train")
        return
    network = opened.model.eval()
    engine = f"spandrel ({opened.architecture.id})"
    verdict = verify(runner(network), generator, label=label, files=(path,), engine=engine)
    if not verdict.passed:
        same = type(network) is type(generator)
        guessed = [f"{name}={value}" for name, value in options_apart(network, generator).items()] if same else []
        guess = " ".join([f"{opened.architecture.id} ×{opened.scale}", *guessed])
        raise UserError(
            f"--format {label} would be used wrongly by other programs: from the weights, spandrel guesses "
            f"{guess}, which is not what was trained; leave {label} out (this project's commands open the model "
            "as it is)"
        )
    yield verdict
