"""The tree of a configuration: its mappings and options as they stand, and what a ``_target_`` in it names."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from esrgan_train.bounds import shown
from esrgan_train.checks.nearest import remedy
from esrgan_train.errors import UserError


def mappings(
    node: DictConfig, name: str = "", *, without: Collection[str] = ()
) -> Iterator[tuple[str, DictConfig]]:
    """Every mapping with its dotted name, the outer before the inner; the outermost is ``name``.

    Interpolations are not resolved. Nothing below the keys ``without`` of the outermost is visited.
    """
    yield name, node
    for key in node:
        below = node._get_node(key)
        if key in without or not isinstance(below, DictConfig) or below._is_none() or below._is_interpolation():
            continue
        yield from mappings(below, join(name, str(key)))


def options_of(node: DictConfig) -> Iterator[str]:
    """Every dotted name."""
    return (join(name, str(key)) for name, inner in mappings(node) for key in inner)


def missing_in(node: DictConfig) -> Iterator[str]:
    """The dotted names of values left as ``???``."""
    return (
        join(name, str(key)) for name, inner in mappings(node) for key in inner if OmegaConf.is_missing(inner, key)
    )


def targets(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Every node with a ``_target_``, with its dotted name, the outer before the inner."""
    return ((name, node) for name, node in mappings(cfg) if "_target_" in node)


def join(name: str, key: str) -> str:
    """The dotted name of ``key`` in the mapping ``name``; the root's is empty."""
    return f"{name}.{key}" if name else key


def plain(value: Any) -> Any:
    """A list or mapping of the configuration as Python's own, resolved; other values as they are."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def locate(option: str, path: Any) -> Callable[..., Any]:
    """The class or function at the dotted ``path`` that ``option`` gives.

    Raises:
        UserError: it cannot be imported; the message names the part that fails, and the nearest name there.
    """
    if not isinstance(path, str) or not all(path.split(".")):
        raise UserError(f"{option}={shown(path)}: give the dotted path of a class, such as torch.nn.L1Loss")
    found: Any = None
    place = ""
    for name in path.split("."):
        outer, place = place, join(place, name)
        try:
            found = getattr(found, name) if hasattr(found, name) else importlib.import_module(place)
        except ModuleNotFoundError as error:
            raise UserError(f"{option}={path}: {_missing(error.name, name, found, outer)}") from error
        except Exception as error:  # the module may be a stranger's and raise anything
            reason = " ".join(str(error).split())
            raise UserError(
                f"{option}={path}: importing {place} fails: {type(error).__name__}: {reason}"
            ) from error
    if not callable(found):
        raise UserError(f"{option}={path} is not a class or function: give the path of one")
    return found  # type: ignore[no-any-return]


_INSTALL = {"pytorch_optimizer": "'esrgan-train[optimizers]'", "schedulefree": "schedulefree"}  # by module


def _missing(module: str | None, name: str, parent: Any, outer: str) -> str:
    """What is not there: ``name`` in ``outer``, or a ``module`` that it imports."""
    place = join(outer, name)
    if place in _INSTALL:
        return f"{place} is not installed: pip install {_INSTALL[place]}"
    if not f"{place}.".startswith(f"{module}."):
        return f"{place} needs {module}, which is not installed"
    if parent is None:
        return f"there is no module {place}; fix the path, or run where {place}.py lies"
    public = [each for each in dir(parent) if not each.startswith("_")]
    return f"{outer} has no {name}; {remedy(name, public, prefix=f'{outer}.')}"
