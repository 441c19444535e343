"""Whether weights read from a file make the same network, for this project and for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from esrgan_train.archs.folding import fold
from esrgan_train.errors import UserError
from esrgan_train.images.colour import channels_of
from esrgan_train.modelfiles import field
from esrgan_train.modelfiles.classes import class_of
from esrgan_train.modelfiles.rebuild import override, rebuild_generator
from esrgan_train.modelfiles.weights import ModelFile, as_written

MODEL = "this run's model file"
STIR = 0.01  # standard deviation of the noise added to the weights: some start at 0 and would hide an option
TOLERANCE = 1e-5  # of the largest output
_FAILURES = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, AssertionError)

Shape = tuple[int, int, int, int]


def check_reading(network: nn.Module, metadata: Mapping[str, Any], *, lr_side: int) -> str | None:
    """Open the model file that a run will write, without writing it, and compare one output.

    Args:
        network: on the CPU; it stays as it is, and so do torch's random numbers.
        metadata: as they will stand in the file.
        lr_side: of the random picture that is enlarged, in pixels; it has the channels of their ``colour``.

    Returns:
        None, or one line that warns: nothing opens the file, or other programs open it as another network.

    Raises:
        UserError: this project would open it as another network.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        trained = _stirred(network)
        model = as_written(MODEL, trained.state_dict(), metadata)
        try:
            class_of(model)
        except UserError as error:
            return f"{error}; until then upscale, export and compare cannot open this run's models"
        shape = (1, channels_of(metadata.get("colour", "rgb")), lr_side, lr_side)
        if _apart(trained, rebuild_generator(model), shape):
            raise UserError(
                f"generator {type(network).__name__} computes something else when rebuilt from its "
                "options and weights: make every setting an argument of its constructor, and every tensor a "
                "parameter or a buffer"
            )
        return _as_others_read(trained, model, shape)


def check_start(network: nn.Module, model: ModelFile, *, lr_side: int, channels: int = 3) -> str | None:
    """Compare a network that has taken the weights of ``model`` with the one they were trained in.

    Args and state as for ``check_reading``.

    Returns:
        One line that warns if it computes something else; None if not, or where this cannot be checked.
    """
    was_training = network.training
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            original = rebuild_generator(model)
            if not _apart(fold(network.eval()), original, (1, channels, lr_side, lr_side)):
                return None
    except UserError:  # the file names no class, or one that is not here: there is nothing to compare with
        return None
    finally:
        network.train(was_training)
    fitting = " ".join(override(name, value) for name, value in field.options_apart(original, network).items())
    return (
        f"init_from={model.path} was trained as another network, so training does not start from that "
        f"model: {f'give {fitting}' if fitting else 'choose its generator and options'}, unless you mean it"
    )


def _as_others_read(trained: nn.Module, model: ModelFile, shape: Shape) -> str | None:
    remedy = "give them the .onnx or ncnn export; this project's commands read the file's own options"
    try:
        reading = field.read(model.state_dict)
    except field.MisreadError as error:
        return f"{MODEL} will not open in other programs: spandrel guesses a network and fails ({error}); {remedy}"
    if reading is None or not _apart(trained, reading.network, shape):
        return None
    same = type(reading.network) is type(trained)
    options = field.options_apart(reading.network, trained) if same else {}
    guess = " ".join([f"{reading.architecture} ×{reading.scale}", *(f"{n}={v}" for n, v in options.items())])
    return f"{MODEL} will open as another network in other programs, since spandrel guesses {guess}; {remedy}"


def _stirred(network: nn.Module) -> nn.Module:
    copy = deepcopy(network).to(memory_format=torch.contiguous_format)  # as it will be read
    torch.manual_seed(0)
    for parameter in copy.parameters():
        parameter.add_(STIR * torch.randn_like(parameter))
    return copy.eval()


def _apart(one: nn.Module, other: nn.Module, shape: Shape) -> bool:
    """Whether two networks in evaluation mode differ on one random picture."""
    expected, got = (_output(network, shape) for network in (one, other))
    if expected is None or got is None or expected.shape != got.shape:
        return True
    bound = TOLERANCE * float(expected.abs().nan_to_num().max())
    return not torch.allclose(got, expected, rtol=0, atol=bound, equal_nan=True)


def _output(network: nn.Module, shape: Shape) -> Tensor | None:
    torch.manual_seed(0)  # of layers that draw, too
    try:
        sr: Tensor = network(torch.rand(shape))
    except _FAILURES:
        return None
    return sr
