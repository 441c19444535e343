"""Checks each option against its annotation: of the schema, or of the class of its ``_target_``."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Collection, Iterator
from dataclasses import is_dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from esrgan_train.bounds import check_value, hints_of, shown
from esrgan_train.checks.nearest import nearest, remedy
from esrgan_train.checks.schema import DECIDED, Open, Part, Run, Trainer
from esrgan_train.checks.tree import join, locate, mappings, plain
from esrgan_train.errors import UserError


def check_options(cfg: DictConfig) -> None:
    """``UserError`` for the first option that nothing takes, or whose value does not fit; nothing is built.

    What a ``_target_`` names is imported, as building it would.
    """
    for name, node, kind in groups(cfg):
        hints = hints_in(name, node, kind)
        for key in node:
            if key not in hints:
                continue
            value = plain(node[key])
            if value is not None or not OmegaConf.is_interpolation(node, key):  # ${run_dir} is decided later
                check_value(join(name, key), value, hints[key])


def groups(node: DictConfig, kind: type = Run, name: str = "") -> Iterator[tuple[str, DictConfig, type]]:
    """Every mapping of a configuration with its dotted name and its dataclass, the outer before the inner.

    Raises:
        UserError: a group of the dataclass is missing, or builds nothing.
    """
    yield name, node, kind
    others = getattr(kind, "others", None)
    hints = (dict.fromkeys(node, others) if others else {}) | hints_of(kind)
    inner = {key: group for key, hint in hints.items() if (group := group_in(hint)) is not None}
    for key, group in inner.items():
        below = node.get(key)
        if below is not None or type(None) not in typing.get_args(hints[key]):
            _check_group(join(name, key), below, group)
            yield from groups(below, group, join(name, key))
    for other, below in mappings(node, name, without=inner):
        if other != name:
            yield other, below, Open


def hints_in(name: str, node: DictConfig, kind: type) -> dict[str, Any]:
    """The annotations of the options of a group, by key: of its dataclass, and of the class of its ``_target_``.

    Raises:
        UserError: the class is not found, or does not take one of the keys; or nothing takes it.
    """
    keys = [key for key in map(str, node) if not (key.startswith("_") and key.endswith("_"))]  # those are Hydra's
    hints = hints_of(kind)
    if not issubclass(kind, Open):
        _check_names(name, node, keys, hints, "there is no such option")
    own = {key: hint for key, hint in hints.items() if group_in(hint) is None}
    if "_target_" not in node:
        return own
    target = locate(join(name, "_target_"), node._target_)
    if (taken := taken_by(target)) is not None:
        why = f"{node._target_} has no such argument"
        handed = getattr(kind, "hands_all", False)
        _check_names(name, node, keys, taken if handed else [*taken, *own], why, leave_out=handed)
    for key in keys if kind is Trainer else ():
        if key in DECIDED:
            raise UserError(f"{name}.{key}={shown(node[key])} has no effect in this training: {DECIDED[key]}")
    return {**hints_of(target), **own}


def taken_by(target: Any) -> list[str] | None:
    """The names of the arguments of a class or function; None if it takes any, or does not say."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except ValueError:  # some built-in classes
        return None
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _check_names(
    name: str, node: DictConfig, keys: list[str], known: Collection[str], why: str, leave_out: bool = False
) -> None:
    for key in keys:
        if key not in known:
            option = join(name, key)
            near = remedy(key, known, prefix=join(name, ""))
            if leave_out and nearest(key, known) is None:
                near = f"leave it out (~{option}), or {near}"
            raise UserError(f"{option}={shown(node._get_node(key))}: {why}; {near}")


def _check_group(option: str, node: Any, kind: type) -> None:
    if isinstance(node, DictConfig) and ("_target_" in node or not issubclass(kind, Part)):
        return
    path = option.removesuffix(".function").split(".")
    way_out = f"choose another {'/'.join(path if path[0] == 'loss' else path[:1])}"
    if issubclass(kind, Part):
        way_out = "null to leave it out" if path[0] in ("callbacks", "logger") else way_out
        way_out = f"give {option}._target_, the class to build, or {way_out}"
    raise UserError(f"{option}={shown(node)} builds nothing: {way_out}")


def group_in(hint: Any) -> type | None:
    """The dataclass of a group that ``hint`` names."""
    kinds = (hint, *typing.get_args(hint))
    return next((each for each in kinds if isinstance(each, type) and is_dataclass(each)), None)
