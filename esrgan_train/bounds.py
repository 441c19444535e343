"""The one reader of bounds: checks a value against an annotation, and puts the annotation into words.

``num_feat: Annotated[int, Ge(1)]`` is the only home of that bound. ``@bounded`` checks it when the object is
built; ``checks.options`` checks it in a configuration, by its ``_target_``, before anything is built.
"""

from __future__ import annotations

import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MinLen, MultipleOf, Predicate

from esrgan_train.errors import UserError

_NAMES: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "text",
    type(None): "null",
}
_PLAIN = (str, int, float, list)  # what YAML holds besides mappings
_TEXT_LIKE = (str, int, float, Path)  # Hydra reads name=123 as a number

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Wanted:
    """What a message asks for, in place of type and bounds: ``Annotated[str, Wanted("a folder")]``.

    Words that start with ``such as`` or ``for`` are added: ``Annotated[float, Gt(0), Wanted("such as 1e-4")]``.
    """

    words: str


Count = Annotated[int, Ge(1)]
WholeNumber = Annotated[int, Ge(0)]
Fraction = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Seed = Annotated[int, Ge(0), Le(2**32 - 1)]  # NumPy's global generator, which Lightning seeds, takes no larger one


def bounded(function: Function) -> Function:
    """Check the arguments of a constructor or function by their annotations at each call.

    Raises:
        UserError: naming the first parameter whose value does not fit, the value, and what to give.
    """
    signature = inspect.signature(function)
    hints = functools.cache(lambda: hints_of(function))  # once all names of the module are there

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        check_values(given, hints())
        return function(*args, **kwargs)

    return checked  # type: ignore[return-value]  # of the same signature, as functools.wraps tells inspect


def check_fields(instance: Any, *, at: str = "") -> None:
    """Check the fields of a dataclass, in its ``__post_init__``; ``at`` stands before their names.

    Raises:
        UserError: as ``bounded``.
    """
    check_values({f.name: getattr(instance, f.name) for f in fields(instance)}, hints_of(type(instance)), at=at)


def check_values(values: Mapping[str, Any], hints: Mapping[str, Any], *, at: str = "") -> None:
    """``UserError`` for the first of ``values`` that does not fit the annotation of its name."""
    for name, value in values.items():
        if name in hints:
            check_value(f"{at}{name}", value, hints[name])


def check_value(option: str, value: Any, hint: Any) -> None:
    """``UserError`` naming the option, the value and what to give, unless the value fits."""
    if not fits(value, hint):
        raise UserError(f"{option}={shown(value)}: give {in_words(hint)}")


def hints_of(target: Callable[..., Any]) -> dict[str, Any]:
    """The annotations of a function's parameters, or of a class's constructor or dataclass fields, with bounds.

    Empty where a name in them was imported for type checkers alone, as strangers' code may do.
    """
    function = target
    if inspect.isclass(target) and "__dataclass_fields__" not in vars(target):
        function = target.__init__
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}
    return {name: hint for name, hint in hints.items() if name != "return"}


def fits(value: Any, hint: Any) -> bool:
    """Whether ``value`` is meant for ``hint``: as YAML holds it, or as code gives it.

    Where it cannot be known, it fits: a mapping may become any object (it may have a ``_target_``). ``True`` and
    4.0 are not whole numbers, and a number with bounds is finite.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return fits(value, arguments[0]) and all(_holds(bound, value) for bound in _single(arguments[1:]))
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in arguments)
    if origin is Literal:
        return str(value) in map(str, arguments) and not isinstance(value, bool)  # Hydra reads 32 as a number
    if hint in (None, type(None)):
        return value is None
    if hint is bool:
        return isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint in (str, Path):
        return isinstance(value, _TEXT_LIKE) and not isinstance(value, bool)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping)
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return _fits_each(value, origin, arguments)
    if hint is Any or not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return True
    return isinstance(value, hint) or not isinstance(value, (*_PLAIN, type(None)))  # or a mapping that builds one


def in_words(hint: Any) -> str:
    """What to give for ``hint``: its type, its bounds, and an example where the annotation has one."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _bounded_words(arguments[0], _single(arguments[1:]))
    if origin in (Union, types.UnionType):
        *first, last = dict.fromkeys(map(in_words, [*filter(is_writable, arguments)] or arguments))
        comma = "," * (len(first) > 1 or any(", " in words for words in first))
        return f"{', '.join(first)}{comma} or {last}" if first else last
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}" if len(arguments) > 1 else str(arguments[0])
    if origin is tuple and Ellipsis not in arguments:
        kinds = dict.fromkeys(in_words(each) for each in arguments)
        return f"a list of {len(arguments)}, each {' or '.join(kinds)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    if isinstance(origin, type) and issubclass(origin, Iterable):
        inner = [each for each in arguments if each is not Ellipsis]
        return f"a list, each item {in_words(inner[0])}" if inner else "a list"
    return _NAMES.get(hint) or str(getattr(hint, "__name__", hint))


def shown(value: Any) -> str:
    """A value as it is written on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(shown, value))}]"
    return str(value)


def _single(bounds: Iterable[Any]) -> list[Any]:
    return [one for bound in bounds for one in (bound if isinstance(bound, GroupedMetadata) else (bound,))]


def is_writable(hint: Any) -> bool:
    """Whether a configuration may hold it: not a class that is built elsewhere, as in ``float | Tensor``."""
    return not isinstance(hint, type) or hint in _NAMES or typing.get_origin(hint) is not None


def _holds(bound: Any, value: Any) -> bool:
    if value is None or isinstance(value, Mapping):  # which the type allows, or which will build an object
        return True
    if isinstance(value, float) and isinstance(bound, (Ge, Gt, Le, Lt, MultipleOf)) and not math.isfinite(value):
        return False
    match bound:
        case Ge():
            return bool(value >= bound.ge)
        case Gt():
            return bool(value > bound.gt)
        case Le():
            return bool(value <= bound.le)
        case Lt():
            return bool(value < bound.lt)
        case MultipleOf():
            return bool(value % bound.multiple_of == 0)
        case MinLen():
            return len(value) >= bound.min_length
        case Predicate():
            return bool(bound.func(value))
    return True


def _bounded_words(hint: Any, bounds: list[Any]) -> str:
    limits: dict[type, Any] = {type(bound): bound for bound in bounds}
    words: list[str] = [in_words(hint)]
    wanted = limits[Wanted].words if Wanted in limits else ""
    if wanted and not wanted.startswith(("such as ", "for ")):
        return str(wanted)
    if Ge in limits:
        words.append(f"from {limits[Ge].ge:.10g}" + ("" if {Le, Lt} & limits.keys() else " on"))
    if Gt in limits:
        words.append(f"above {limits[Gt].gt:.10g}")
    joint = "and " if Gt in limits else ""
    if Le in limits:
        words.append(f"{joint}{'up ' if Ge not in limits else ''}to {limits[Le].le:.10g}")
    if Lt in limits:
        words.append(f"{joint}{'to ' if Ge in limits else ''}below {limits[Lt].lt:.10g}")
    if MultipleOf in limits:
        words.append(f"that is a multiple of {limits[MultipleOf].multiple_of:.10g}")
    return " ".join(words) + (f", {wanted}" if wanted.startswith("such") else f" {wanted}".rstrip())


def _fits_each(value: Any, origin: type, arguments: tuple[Any, ...]) -> bool:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return False
    if not isinstance(value, (list, tuple)):  # a mapping that builds one, or an iterable that can be read once
        return True
    if origin is tuple and (len(arguments) < 2 or arguments[1] is not Ellipsis):
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    return not arguments or all(fits(item, arguments[0]) for item in value)
