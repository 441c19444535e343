"""The whole JSON Schema: the configuration, and beside it what a file of each group may hold."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from esrgan_train.bounds import hints_of
from esrgan_train.checks.options import group_in
from esrgan_train.checks.schema import Open, Run
from esrgan_train.editor.annotation import REFERENCE, Schema
from esrgan_train.editor.choices import Choice, choices_in
from esrgan_train.editor.sections import Sections


def document(folders: Sequence[Path]) -> Schema:
    """The schema of the configuration in the folders, in draft 7.

    It describes a file that is merged into the root, such as an experiment, and the composed configuration;
    ``definitions`` has an entry for a file of each group, named ``generator`` or ``loss.pixel``.
    """
    choices = choices_in(folders)
    names = sorted({each.group for each in choices} - {""})
    groups = {group: [each for each in choices if each.group == group] for group in names}
    whole = [group for group, found in groups.items() if not any(each.place for each in found)]
    files = {_place(group, found): _name(group) for group, found in groups.items() if group not in whole}
    sections = Sections(choices, files)
    for place in sorted(files, key="recipe".__eq__):  # whose values are of the kinds of those that refer to them
        sections.share(place, kind_at(place))
    root = sections.of("", Run)
    root["properties"] = {
        "defaults": {"$ref": "#/definitions/root.defaults"},
        **root["properties"],
        "hydra": {"type": "object", "description": "Hydra's own options."},
    }
    definitions = {"root": {"type": "object", **root}, **sections.shared}
    for name in files.values():
        definitions[name]["allOf"] = [True]  # yaml-language-server gives a part what it lacks of the root's
    definitions |= {_name(group): {"allOf": [{"$ref": "#/definitions/root"}]} for group in whole}
    merged = [each for each in choices if each.group in whole]
    for group, found in {"": merged, **groups}.items():
        definitions[f"{_name(group)}.defaults"] = defaults(group, found, groups)
    definitions |= {f"{_name(group)}.choice": choice(found) for group, found in groups.items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A configuration of esrgan_train",
        "allOf": [{"$ref": "#/definitions/root"}],
        "definitions": definitions,
    }


def kind_at(place: str) -> type:
    """The dataclass of ``checks.schema`` that says what stands at a place."""
    kind: type = Run
    for name in place.split("."):
        hint = hints_of(kind).get(name, getattr(kind, "others", Open))
        kind = group_in(hint) or Open
    return kind


def defaults(group: str, found: Sequence[Choice], groups: Mapping[str, Sequence[Choice]]) -> Schema:
    """The list ``defaults`` of a file: choices of its own group by their names, and those of other groups."""
    inner = f"{group}/" if group else ""
    patterns = {rf"^(optional )?(override )?/{each}(@\S+)?$": {"$ref": _choice(each)} for each in groups}
    for each in groups:
        if each.startswith(inner):
            patterns[rf"^(optional )?(override )?{each.removeprefix(inner)}(@\S+)?$"] = {"$ref": _choice(each)}
    patterns[r"^(optional )?(override )?/?hydra/"] = {}
    names = ["_self_", *(each.name for each in found)]
    mapping = {
        "type": "object",
        "properties": {f"override /{each}": {"$ref": _choice(each)} for each in groups},
        "patternProperties": patterns,
        "additionalProperties": False,
    }
    return {"type": "array", "items": {"anyOf": [{"enum": names}, {"type": "string", "pattern": "[/@]"}, mapping]}}


def choice(found: Sequence[Choice]) -> Schema:
    """What may be chosen of a group: one, several, or null for none."""
    own = [each for each in found if each.name != "base"]  # which others are made of
    one = {"enum": [each.name for each in own], "enumDescriptions": [each.about for each in own]}
    other = {"type": "string", "pattern": rf"/|{REFERENCE}"}  # in a folder of its own
    return {"anyOf": [one, {"type": "null"}, other, {"type": "array", "items": {"anyOf": [one, other]}}]}


def _place(group: str, found: Sequence[Choice]) -> str:
    """What a file of a group fills; ``*`` stands for the name of the choice where each has a place of its own."""
    usual = group.replace("/", ".")
    own = [each.place for each in found if each.place not in ("", usual)]
    return f"{own[0].rpartition('.')[0]}.*" if own else usual


def _name(group: str) -> str:
    return group.replace("/", ".") or "root"


def _choice(group: str) -> str:
    return f"#/definitions/{_name(group)}.choice"


def as_text(schema: Schema) -> str:
    """The file: ASCII, whatever a shell makes of it."""
    return json.dumps(schema, indent=1) + "\n"
