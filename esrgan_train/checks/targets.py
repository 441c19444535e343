"""Checks every ``_target_`` of the configuration against what it names: does it exist, does it take these keys."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from esrgan_train.bounds import check_value, hints_of
from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.types import fits, in_words
from esrgan_train.checks.values import shown
from esrgan_train.data.options import StreamOptions
from esrgan_train.errors import UserError

_UNTYPED = {"trainer.precision"}  # has a meaning of its own here


def targets(cfg: DictConfig, prefix: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every node with a ``_target_``, with its dotted name, the outer before the inner."""
    if "_target_" in cfg:
        yield prefix, cfg
    for name in map(str, cfg):
        raw = cfg._get_node(name)
        if isinstance(raw, DictConfig) and not raw._is_none() and not raw._is_interpolation():
            yield from targets(raw, f"{prefix}.{name}" if prefix else name)


def check_targets(cfg: DictConfig) -> None:
    """``UserError`` for the first ``_target_`` that is not found, or argument it does not take.

    Imports what is named, as building it would.
    """
    for name, node in targets(cfg):
        target = locate(f"{name}._target_", node._target_)
        also = {**hints_of(target), **hints_of(StreamOptions)} if name == "data" else {}
        check_arguments(name, node, target, also)


def locate(option: str, path: Any) -> Callable[..., Any]:
    """The class or function at a dotted ``path``.

    Raises:
        UserError: it cannot be imported; the message tells which part, and the nearest name there.
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


def check_arguments(name: str, node: DictConfig, target: Callable[..., Any], also: Mapping[str, Any]) -> None:
    """``UserError`` for a key that neither ``target`` nor ``also`` takes, or a value of another type."""
    try:
        parameters = inspect.signature(target).parameters
    except ValueError:  # some built-in classes tell nothing
        return
    taken = [key for key, p in parameters.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    taken += [key for key in also if key not in taken]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    hints = {**also, **_hints(target)}
    for key in map(str, node):
        if key.startswith("_") and key.endswith("_"):  # Hydra's own, such as _target_
            continue
        option = f"{name}.{key}"
        if key not in taken:
            if takes_any:
                continue
            raise UserError(
                f"{option}={shown(node[key])}: {node._target_} has no such argument; "
                f"{remedy(key, taken, prefix=f'{name}.')}"
            )
        if key in hints and option not in _UNTYPED:
            value = node[key]
            value = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            if value is None and OmegaConf.is_interpolation(node, key):
                continue  # such as ${run_dir}, which is decided later
            if key in also:
                check_value(option, value, also[key])
            elif not fits(value, hints[key]):
                raise UserError(f"{option}={shown(value)}: give {in_words(hints[key])}")


def _import(module: str, option: str, path: str, parent: Any = None) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise UserError(f"{option}={path}: {module} needs {error.name}, which is not installed") from error
        if parent is None:
            raise UserError(
                f"{option}={path}: there is no module {module}; correct the path, or run where {module}.py lies"
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


def _hints(target: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except (NameError, TypeError, AttributeError):  # a name imported for type checkers alone
        return {}
