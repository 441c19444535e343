"""spandrel, with which the field's programs open models: how it reads weights, and its classes by name."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Reading:
    """Weights as spandrel reads them."""

    architecture: str  # spandrel's name
    scale: int  # output pixels per input pixel, each way
    pictures: bool  # whether one picture goes in and one comes out, RGB or gray
    network: nn.Module  # in evaluation mode on the CPU, with spandrel's own names of the weights


class MisreadError(ValueError):
    """Weights that spandrel mistakes for another network's. The message is one line."""


def read(state_dict: Mapping[str, Tensor]) -> Reading | None:
    """Network and options as spandrel guesses them from the weights alone; None if it knows no such network.

    Raises:
        MisreadError: the guess is wrong, and building the network fails.
    """
    import spandrel  # slow to import, and few need it

    try:
        found = spandrel.ModelLoader().load_from_state_dict(dict(state_dict))  # it writes into the dict
    except spandrel.UnsupportedModelError:
        return None
    except Exception as error:  # weights from elsewhere may be wrong in any way
        raise MisreadError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error
    single = isinstance(found, spandrel.ImageModelDescriptor)
    pictures = single and (found.input_channels, found.output_channels) in ((3, 3), (1, 1))
    return Reading(found.architecture.id, found.scale, pictures, found.model.eval())


def recognised(state_dict: Mapping[str, Tensor]) -> Reading | None:
    """``read``, and None for weights that it misreads too."""
    try:
        return read(state_dict)
    except MisreadError:
        return None


def classes() -> Mapping[str, type[nn.Module]]:
    """The networks that spandrel offers, by ``module:Class``: all that a file may name besides discovered ones."""
    from spandrel import MAIN_REGISTRY

    found: dict[str, type[nn.Module]] = {}
    for support in MAIN_REGISTRY:
        module = sys.modules[type(support.architecture).__module__]
        for name in getattr(module, "__all__", ()):
            cls = getattr(module, name)
            if isinstance(cls, type) and issubclass(cls, nn.Module):
                found[f"{module.__name__}:{name}"] = cls
    return found


def target_of(cls: type[nn.Module]) -> str:
    """``module:Class`` as files name it: by spandrel's public name, or by where the class is defined."""
    public = {offered: name for name, offered in classes().items()}
    return public.get(cls, f"{cls.__module__}:{cls.__qualname__}")


def renamed(state_dict: Mapping[str, Tensor], network: nn.Module) -> Mapping[str, Tensor]:
    """Weights under the names of ``network``, if spandrel knows several for its class; otherwise unchanged."""
    if type(network) not in classes().values():
        return state_dict
    reading = recognised(state_dict)
    if reading is None or type(reading.network) is not type(network):
        return state_dict  # the caller compares the names and reports what does not fit
    return reading.network.state_dict()


def options_of(network: nn.Module) -> dict[str, object]:
    """The arguments that a network of spandrel was built with, defaults included; empty for any other."""
    return dict(getattr(network, "hyperparameters", {}))


def options_apart(one: nn.Module, other: nn.Module) -> dict[str, object]:
    """The options of ``one``, a network of spandrel, that differ from those of ``other``."""
    theirs = options_of(other)
    return {n: v for n, v in options_of(one).items() if n not in theirs or not alike(v, theirs[n])}


def alike(one: object, other: object) -> bool:
    """Whether two options are equal; JSON makes lists of tuples."""
    first, second = (list(value) if isinstance(value, tuple) else value for value in (one, other))
    return bool(first == second)
