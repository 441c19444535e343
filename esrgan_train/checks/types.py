"""Whether a value from the configuration fits a type annotation."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union

from torch import Tensor, nn

from esrgan_train.checks.values import is_whole

_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "null"}
_TEXT_LIKE = (str, int, float)  # Hydra reads name=123 as a number


def fits(value: Any, hint: Any) -> bool:
    """Whether ``value``, as YAML holds it, can be meant for ``hint``; true where that cannot be told.

    A mapping may become any object (it may carry ``_target_``), so it fits whatever is not a plain value.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in arguments)
    if origin is Literal:
        return value in arguments
    if hint in (None, type(None)):
        return value is None
    if hint is bool:
        return isinstance(value, bool)
    if hint is int:
        return is_whole(value)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint in (str, Path):
        return isinstance(value, _TEXT_LIKE)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, dict)
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return isinstance(value, dict) or _fits_each(value, origin, arguments)
    if isinstance(hint, type) and issubclass(hint, (Tensor, nn.Module)):
        return isinstance(value, dict)
    return True


def _fits_each(value: Any, origin: type, arguments: tuple[Any, ...]) -> bool:
    if not isinstance(value, list):
        return False
    if origin is tuple and (len(arguments) < 2 or arguments[1] is not Ellipsis):
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    return not arguments or all(fits(item, arguments[0]) for item in value)


def in_words(hint: Any) -> str:
    """What to give for ``hint``."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        names = [in_words(each) for each in arguments if not (isinstance(each, type) and issubclass(each, Tensor))]
        return " or ".join(dict.fromkeys(names))
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple and Ellipsis not in arguments:
        kinds = dict.fromkeys(in_words(each) for each in arguments)
        return f"a list of {len(arguments)}, each {' or '.join(kinds)}"
    if isinstance(origin, type) and issubclass(origin, Iterable) and not issubclass(origin, Mapping):
        inner = [each for each in arguments if each is not Ellipsis]
        return f"a list, each item {in_words(inner[0])}" if inner else "a list"
    return _NAMES.get(hint, getattr(hint, "__name__", str(hint)))
