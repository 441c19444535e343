"""The classes that a model file may name, and the networks built from them."""

from __future__ import annotations

import inspect
from dataclasses import replace

from torch import nn

from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE, discover
from esrgan_train.errors import UserError
from esrgan_train.modelfiles import field
from esrgan_train.modelfiles.published import srvgg_options
from esrgan_train.modelfiles.weights import ModelFile


def name_of(network: nn.Module) -> dict[str, str | None]:
    """How files name a network's class: ``arch``, its discovered name, or ``target``, its ``module:Class``."""
    cls = type(network)
    arch = next((name for name, known in discover()["generator"].items() if known is cls), None)
    return {"arch": arch, "target": None if arch is not None else field.target_of(cls)}


def class_of(model: ModelFile) -> type[nn.Module]:
    """The class that a model file names: a discovered one or spandrel's; nothing is imported for it.

    A class that was neither when the model was trained is looked for by name among those discovered since.

    Raises:
        UserError: there is no such class.
    """
    generators = discover()["generator"]
    if model.arch is not None:
        if model.arch in generators:
            return generators[model.arch]
        raise UserError(
            f"{model.path} needs the generator {model.arch!r}, which is not installed (known: "
            f"{', '.join(generators)}); name the folder of its *_arch.py in {ENVIRONMENT_VARIABLE}"
        )
    assert model.target is not None
    if model.target in (offered := field.classes()):
        return offered[model.target]
    if model.target.startswith("spandrel."):
        raise UserError(f"{model.path} needs {model.target}, which the installed spandrel lacks; update spandrel")
    name = model.target.rpartition(":")[2]
    found = [cls for cls in generators.values() if cls.__qualname__ == name]
    if len(found) != 1:
        raise UserError(
            f"{model.path} needs {model.target}, which a file cannot provide; put {name} into a *_arch.py, with "
            f'@generator("…") before it, and its folder into {ENVIRONMENT_VARIABLE}'
        )
    return found[0]


def identified(model: ModelFile) -> ModelFile:
    """The same model with class and options read from its weights, if the file does not name its class.

    Weights that spandrel knows get the names of its class; unknown ones stay as they are.

    Raises:
        UserError: a compact model with relu or leakyrelu, which weights do not show.
    """
    if model.arch is not None or model.target is not None:
        return model
    if (options := srvgg_options(model.state_dict)) is not None:
        if "act_type" not in options:
            raise UserError(
                f"{model.path} does not say whether its activation is relu or leakyrelu; give the .pth or "
                ".safetensors file that this framework has written, or one with PReLU slopes"
            )
        return replace(model, arch="srvgg", options=options)
    if (reading := field.recognised(model.state_dict)) is None:
        return model
    kept = {name: value for name, value in field.options_of(reading.network).items() if _is_plain(value)}
    target = field.target_of(type(reading.network))
    state_dict = dict(reading.network.state_dict())
    return replace(model, state_dict=state_dict, target=target, options=kept | model.options)


def all_options(model: ModelFile) -> dict[str, object]:
    """The options that a model names, completed with the defaults of its class if that is spandrel's."""
    cls = field.classes().get(model.target or "")
    parameters = inspect.signature(cls).parameters if cls is not None else {}
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    return defaults | model.options


def construct(model: ModelFile, cls: type[nn.Module]) -> nn.Module:
    """A ``cls`` with the options of a model file, without its weights; ``UserError`` if they do not fit."""
    try:
        return cls(**model.options)
    except Exception as error:  # options in a file may be anything
        raise UserError(
            f"{model.path} holds options that {cls.__name__} refuses: {' '.join(str(error).split())}; use the "
            f"{inspect.getsourcefile(cls)} it was trained with"
        ) from error


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(one) for one in value)
    return value is None or isinstance(value, (str, int, float))  # bool is an int
