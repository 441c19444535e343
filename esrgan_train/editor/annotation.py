"""An annotation as JSON Schema: the same types and bounds that ``bounds`` checks."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MinLen, MultipleOf

from esrgan_train.bounds import is_writable

Schema = dict[str, Any]

# What stands for a value that is found elsewhere: ${another.option}, or ??? for one that has to be given.
REFERENCE = r"\$\{|^\?\?\?$"

_TYPES: dict[Any, str | list[str]] = {
    int: "integer",
    float: "number",
    bool: "boolean",
    str: ["string", "number"],  # Hydra reads name=123 as a number
    Path: ["string", "number"],
    type(None): "null",
    None: "null",
    list: ["array", "object"],  # or a mapping that builds one
    tuple: ["array", "object"],
    dict: "object",
}
_BOUNDS = {
    Ge: ("minimum", "ge"),
    Gt: ("exclusiveMinimum", "gt"),
    Le: ("maximum", "le"),
    Lt: ("exclusiveMaximum", "lt"),
    MultipleOf: ("multipleOf", "multiple_of"),
    MinLen: ("minItems", "min_length"),
}


def schema_of(hint: Any) -> Schema:
    """What a file may hold for ``hint``; ``{}`` where it cannot be known. Predicates are left to the check."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _with_bounds(schema_of(arguments[0]), arguments[1:])
    if origin in (Union, types.UnionType):
        return any_of([schema_of(each) for each in [*filter(is_writable, arguments)] or arguments])
    if origin is Literal:
        return {"enum": [form for each in arguments for form in _forms(each)]}
    if hint in _TYPES:
        return {"type": _TYPES[hint]}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object"}
    if isinstance(origin, type) and issubclass(origin, Iterable):
        return _array(origin, arguments)
    if hint is Any or not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return {}
    return {"type": "object"}  # with a _target_, which builds it


def any_of(schemas: Iterable[Schema]) -> Schema:
    """What one of ``schemas`` takes; as one list of types where they are no more than that."""
    distinct: list[Schema] = []
    distinct += (schema for schema in schemas if schema not in distinct)
    if {} in distinct:
        return {}
    if all(schema.keys() == {"type"} for schema in distinct):
        names = [name for schema in distinct for name in types_in(schema)]
        return {"type": [*dict.fromkeys(names)] if len(set(names)) > 1 else names[0]}
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def or_reference(schema: Schema) -> Schema:
    """``schema``, or a reference to another option in place of its value."""
    if not schema or ("string" in types_in(schema) and "pattern" not in schema):
        return schema
    if "type" not in schema:
        return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "string", "pattern": REFERENCE}]}
    return {**schema, "type": [*types_in(schema), "string"], "pattern": REFERENCE}


def types_in(schema: Schema) -> list[str]:
    """The types that a schema names."""
    named = schema.get("type", [])
    return [named] if isinstance(named, str) else named


def _forms(value: Any) -> list[Any]:
    """The value, and the number that YAML may read in its place: 32 for "32"."""
    return [value, int(value)] if isinstance(value, str) and value.isdecimal() else [value]


def _with_bounds(schema: Schema, bounds: Iterable[Any]) -> Schema:
    found: Schema = {}
    for bound in bounds:
        for one in bound if isinstance(bound, GroupedMetadata) else (bound,):
            if type(one) in _BOUNDS:
                keyword, value = _BOUNDS[type(one)]
                found[keyword] = getattr(one, value)
    return {"allOf": [schema, found]} if found.keys() & schema.keys() else schema | found


def _array(origin: type, arguments: tuple[Any, ...]) -> Schema:
    items = [or_reference(schema_of(each)) for each in arguments if each is not Ellipsis]
    kinds: Schema = {"type": _TYPES[list]}
    if origin is tuple and Ellipsis not in arguments:
        return kinds | {"items": items, "minItems": len(items), "maxItems": len(items)}
    return kinds | ({"items": items[0]} if items and items[0] else {})
