"""The schema of each place of the configuration: its own options, and those of the classes it may name."""

from __future__ import annotations

import re
import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from esrgan_train.bounds import hints_of, in_words
from esrgan_train.checks import schema as shape
from esrgan_train.checks.options import group_in, taken_by
from esrgan_train.checks.tree import join, locate
from esrgan_train.editor.annotation import REFERENCE, Schema, any_of, or_reference, schema_of
from esrgan_train.editor.choices import Choice
from esrgan_train.errors import UserError

_OF_HYDRA: dict[str, Schema] = {
    "_partial_": {"type": "boolean"},
    "_recursive_": {"type": "boolean"},
    "_convert_": {"enum": ["none", "partial", "object", "all"]},
    "_args_": {"type": "array"},
}
_OF_RECIPE = re.compile(r"\$\{recipe\.(\w+)\}|\$\{oc\.select:recipe\.(\w+),.*\}")


class Sections:
    """What all choices together say of each place: its targets, values and comments.

    Places are dotted names; ``*`` stands for a name that a user gives, such as ``callbacks.*``.

    Args:
        choices: of all groups.
        files: the places that a file of a group fills, with the names of their definitions.
    """

    def __init__(self, choices: Sequence[Choice], files: Mapping[str, str]) -> None:
        self.values: dict[str, list[Any]] = {}
        self.defaults: dict[str, list[Any]] = {}  # the values without those of experiments and the like
        self.comments: dict[str, str] = {}
        for choice in sorted(choices, key=lambda choice: -len(choice.place)):  # a group's own files come first
            for name, value in _flat(choice.content, choice.place):
                self.values.setdefault(name, []).append(value)
                if choice.place or not choice.group:
                    self.defaults.setdefault(name, []).append(value)
            for name, comment in choice.comments.items():
                self.comments.setdefault(name, comment)
        self.files = files
        self.shared: dict[str, Schema] = {}  # the mappings, by names of their own; null may take the place of some
        self.of_recipe: dict[str, Schema] = {}  # by the options that take their values from it

    def of(self, place: str, kind: type) -> Schema:
        """The mapping at ``place``, with the fields of a dataclass of ``checks.schema``."""
        own = {name: self._property(join(place, name), hint) for name, hint in hints_of(kind).items()}
        targets = _every(f"{place}._target_", self.values)
        if issubclass(kind, shape.Part) or (kind is shape.Open and targets):
            return self._part(place, own, targets)
        if kind is shape.Recipe:
            own = {name: self.of_recipe.get(name, {}) for name in self.names_in(place)} | own
        of_file = {"defaults": self._defaults(place)} if place in self.files else {}
        others = Any if kind is shape.Open else getattr(kind, "others", None)  # such as the steps of a chain
        if others is None:
            return _closed(of_file | own) | {"additionalProperties": issubclass(kind, shape.Open)}
        named = {name: self._property(join(place, name), others) for name in self.names_in(place)}
        other = self._property(f"{place}.*", others) | {"required": _needed(others)}
        return _closed(of_file | named | own) | {"additionalProperties": other}

    def names_in(self, place: str) -> list[str]:
        """The names that choices have below ``place``."""
        pattern = re.compile(_as_pattern(f"{place}.") + r"([^.]+)")
        return [*dict.fromkeys(match[1] for name in self.values if (match := pattern.match(name)))]

    def _part(self, place: str, own: dict[str, Schema], targets: list[str]) -> Schema:
        """A mapping that a class is built of: of a known class its arguments, of another one any.

        Without a class, which then is another file's, it has the arguments of any known one.
        """
        known = {target: taken for target in targets for taken in self._arguments(place, target)}
        target: Schema = {"anyOf": [{"enum": [*known]}, {"type": "string"}]} if known else {"type": "string"}
        of_file = {"defaults": self._defaults(place)} if place in self.files else {}
        hydra = {"_target_": target, **_OF_HYDRA, **of_file}
        union: dict[str, Schema] = {}
        for arguments, _ in known.values():
            for name, schema in arguments.items():
                union[name] = any_of([union[name], schema]) if name in union else schema
        classes = [
            {
                "if": {"properties": {"_target_": {"const": target}}},
                "then": _with(arguments, [*hydra, *own], is_open=is_open),
            }
            for target, (arguments, is_open) in known.items()
        ]
        some_are_open = any(is_open for _, is_open in known.values())
        return {
            "properties": hydra | own,
            "if": {"required": ["_target_"]},
            "then": {"allOf": classes} if classes else {},
            "else": _with(union, [*hydra, *own], is_open=some_are_open),
        }

    def _arguments(self, place: str, target: str) -> Iterator[tuple[dict[str, Schema], bool]]:
        """The arguments of a class, and whether it takes others; nothing if it is not installed."""
        try:
            found = locate(join(place, "_target_"), target)
        except UserError:
            return
        hints, taken = hints_of(found), taken_by(found)
        decided = shape.DECIDED if place == "trainer" else ()
        names = [name for name in (hints if taken is None else taken) if name not in decided]
        yield {name: self._property(join(place, name), hints.get(name, Any)) for name in names}, taken is None

    def _property(self, name: str, hint: Any) -> Schema:
        """An option, with what its comment says, what it takes and its default."""
        kind = group_in(hint)
        group = kind if kind is not None and kind.__module__ == shape.__name__ else None
        inside = (f"{name}._target_", f"{name}.*._target_")
        if group is None and not any(_found(each, self.values) for each in inside):
            return self._option(name, hint)
        types = ["object", *["null"] * (type(None) in typing.get_args(hint)), "string"]
        told = {"description": self.comments[name]} if name in self.comments else {}
        only_in_files: Schema = {"properties": {"defaults": False}} if name in self.files else {}
        shared = {"allOf": [{"$ref": f"#/definitions/{self.share(name, group or shape.Open)}"}]}
        hinted = {"patternErrorMessage": "Give options here; a choice of a group stands in defaults."}
        return told | {"type": types, "pattern": REFERENCE} | hinted | only_in_files | shared

    def share(self, place: str, kind: type) -> str:
        """The name in ``shared`` of the mapping at ``place``."""
        name = self.files.get(place, f"at:{place}")
        if name not in self.shared:
            self.shared[name] = {}  # of a mapping inside itself
            self.shared[name] = self.of(place, kind)
        return name

    def _defaults(self, place: str) -> Schema:
        return {"$ref": f"#/definitions/{self.files[place]}.defaults"}

    def _option(self, name: str, hint: Any) -> Schema:
        schema = or_reference(schema_of(hint))
        for value in _every(name, self.values):
            if isinstance(value, str) and (match := _OF_RECIPE.fullmatch(value)):
                self.of_recipe.setdefault(match[1] or match[2], schema)
        comment = next(iter(_found(name, self.comments)), "")
        takes = "" if hint is Any or not schema else f"Takes {in_words(hint)}."
        told: Schema = {"description": "\n\n".join(filter(None, [comment, takes]))} if comment or takes else {}
        defaults = _every(name, self.defaults)
        if len(defaults) == 1 and defaults[0] != "???":
            told["default"] = defaults[0]
        if "pattern" in schema:
            told["patternErrorMessage"] = f"Give {in_words(hint)}, or the value of another option: ${{option}}."
        return told | schema


def _needed(kind: Any) -> list[str]:
    """What a mapping under a name of the user's must have: it builds something."""
    return ["function"] if group_in(kind) in (shape.Term, shape.Augmentation) else ["_target_"]


def _found(name: str, entries: Mapping[str, Any]) -> list[Any]:
    """The entries at a name, in which ``*`` stands for any one."""
    if "*" not in name:
        return [entries[name]] if name in entries else []
    pattern = re.compile(_as_pattern(name))
    return [entry for each, entry in entries.items() if pattern.fullmatch(each)]


def _every(name: str, values: Mapping[str, list[Any]]) -> list[Any]:
    """The distinct values at a name."""
    every = [value for found in _found(name, values) for value in found]
    return [value for i, value in enumerate(every) if value not in every[:i]]


def _flat(content: dict[str, Any], place: str) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        name = join(place, str(key))
        yield name, value
        if isinstance(value, dict):
            yield from _flat(value, name)


def _as_pattern(name: str) -> str:
    return re.escape(name).replace(r"\*", "[^.]+")


def _closed(properties: dict[str, Schema]) -> Schema:
    return {"properties": properties, "additionalProperties": False}


def _with(properties: dict[str, Schema], elsewhere: Collection[str], *, is_open: bool) -> Schema:
    """The options, besides those that are checked ``elsewhere``."""
    known = properties | {name: {} for name in elsewhere}
    return {"properties": known} if is_open else {"properties": known, "additionalProperties": False}
