"""What a ``_target_`` names."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

from omegaconf import DictConfig

from esrgan_train.bounds import shown
from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.tree import mappings
from esrgan_train.errors import UserError


def targets(cfg: DictConfig, prefix: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every node with a ``_target_``, with its dotted name, the outer before the inner."""
    return ((name, node) for name, node in mappings(cfg, prefix) if "_target_" in node)


def locate(option: str, path: Any) -> Callable[..., Any]:
    """The class or function at a dotted ``path``.

    Raises:
        UserError: it cannot be imported; the message names the part, and the nearest name there.
    """
    if not isinstance(path, str) or not all(path.split(".")):
        raise UserError(f"{option}={shown(path)}: give the dotted path of a class, such as torch.nn.L1Loss")
    first, *rest = path.split(".")
    found: Any = _import(first, option, path)
    place = first
    for name in rest:
        if not hasattr(found, name):
            if not inspect.ismodule(found):
                raise UserError(f"{option}={path}: {place} has no {name}; {remedy(name, _names(found))}")
            _import(f"{place}.{name}", option, path, found)
        found, place = getattr(found, name), f"{place}.{name}"
    if not callable(found):
        raise UserError(f"{option}={path} is no class or function: give the path of one")
    return typing.cast(Callable[..., Any], found)


def _import(module: str, option: str, path: str, parent: Any = None) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise UserError(f"{option}={path}: {module} needs {error.name}, which is not installed") from error
        if parent is None:
            raise UserError(
                f"{option}={path}: there is no module {module}; fix the path, or run where {module}.py lies"
            ) from error
        place, _, last = module.rpartition(".")
        raise UserError(f"{option}={path}: {place} has no {last}; {_near(last, parent, place)}") from error
    except Exception as error:  # the module may be a stranger's and raise anything
        reason = " ".join(str(error).split())
        raise UserError(f"{option}={path}: importing {module} fails: {type(error).__name__}: {reason}") from error


def _near(name: str, module: Any, place: str) -> str:
    return remedy(name, _names(module), prefix=f"{place}.")


def _names(thing: Any) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]
