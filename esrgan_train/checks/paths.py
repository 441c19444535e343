"""Options that are paths take any name, whatever it means in Hydra's grammar."""

from __future__ import annotations

import os
import re
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from esrgan_train.commands import shell_word

PATHS = (
    *("run_dir", "model_name", "ckpt_path", "init_from", "init_discriminator_from", "teacher"),
    *("data.train_dir", "data.train_lr_dir", "data.val_dir", "data.val_lr_dir"),
    *(
        "data.pairs_dir",
        "data.pairs_lr_dir",
        "data.pairs_val_dir",
        "data.pairs_val_lr_dir",
        "data.remote_cache_dir",
    ),
    *("loss.perceptual.features", "loss.perceptual.function.features", "trainer.default_root_dir"),
    *("hydra.searchpath", "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir"),
)
SEVERAL = ("data.train_dir", "hydra.searchpath")  # [a,b] is a list, and {a: 3, b: 1} a mapping

_PARSER = OverridesParser.create()
_OVERRIDE = re.compile(r"(?P<name>\+{0,2}(?P<option>[\w.]+))=(?P<value>.*)", re.DOTALL)
_CALL = re.compile(rf"({'|'.join(_PARSER.functions.functions)})\s*\(.*\)", re.DOTALL)
_ESCAPED = re.compile(r"[\\()\[\]{}:=, \t]")  # what Hydra writes with a backslash in the jobs of a sweep
_CLOSING = {"[": "]", "{": "}", "(": ")"}


def for_hydra(override: str, *, sweep: bool) -> str:
    """The override, quoted where Hydra's grammar would read a path as something else; others stay as they are.

    A path keeps every character, and a leading ``~`` becomes the home folder. What has another meaning stays:
    ``null``, ``${…}``, Hydra's functions, quoted values, and, for the options in ``SEVERAL``, lists and mappings,
    inside which the same holds for each path. A mapping that Hydra's grammar cannot hold becomes a list of pairs.
    A second call changes nothing more.

    Args:
        override: such as ``data.train_dir=my photos (2024)``.
        sweep: whether a comma separates values, as with ``-m``.
    """
    match = _OVERRIDE.fullmatch(override)
    if match is None or match["option"] not in PATHS:
        return override
    several = match["option"] in SEVERAL
    values = _split(match["value"]) if sweep else [match["value"]]
    return f"{match['name']}={','.join(_value(value, several=several, sweep=sweep) for value in values)}"


def for_shell(override: str) -> str:
    """The reverse: an override of Hydra's as a user would type it, where that is read as the same."""
    match, parsed = _OVERRIDE.fullmatch(override), _parse(override)
    if match is None or match["option"] not in PATHS or parsed is None or "${" in override:
        return override
    typed = f"{match['name']}={_typed(parsed.value())}"
    return typed if _read(for_hydra(typed, sweep=False)) == parsed.value() else override


def path_override(option: str, path: str) -> str:
    """The override that sets ``option`` to ``path``: plain if ``for_hydra`` reads that right, else quoted."""
    return for_shell(hydra_override(option, path))


def hydra_override(option: str, path: str) -> str:
    """The override that sets ``option`` to ``path`` in Hydra's own grammar, whatever signs it has."""
    return f"{option}={_quoted(path)}"


def unreadable(override: str) -> str:
    """The message for an override that Hydra's grammar refuses, with what to type where quotes help."""
    key, equals, value = override.partition("=")
    quoted = f"{key}={QuotedString(value, Quote.double).with_quotes()}"
    if not equals or _parse(quoted) is None:
        return f"{override}: not of the form key=value"
    return f"{override}: not of the form key=value; a value with special characters: {shell_word(quoted)}"


def _value(text: str, *, several: bool, sweep: bool) -> str:
    if text in ("", "null", "???") or "${" in text or _CALL.fullmatch(text) or _is_quoted(text):
        return text
    if several and text[0] == "[" and text[-1] == "]":
        items = _split(text[1:-1])  # of which pairs stay as they are
        return f"[{','.join(i if i[:1] == '[' else _value(i, several=False, sweep=sweep) for i in items)}]"
    if several and text[0] == "{" and text[-1] == "}":
        return _mapping(text, sweep=sweep)
    path = os.path.expanduser(text)  # noqa: PTH111 — Path refuses a user who does not exist, and drops "./"
    altered = sweep and _ESCAPED.search(path)
    return path if _read(f"x={path}") == path and not altered else _quoted(path)


def _mapping(text: str, *, sweep: bool) -> str:
    pairs = [(key.strip(), weight.strip()) for key, _, weight in (e.rpartition(":") for e in _split(text[1:-1]))]
    as_read = _read(f"x={text}")
    if isinstance(as_read, dict) and [key for key, _ in pairs] == list(as_read):
        return text
    if not all(key and weight for key, weight in pairs):
        return text  # Hydra says that it is none
    return f"[{','.join(f'[{_value(key, several=False, sweep=sweep)},{weight}]' for key, weight in pairs)}]"


def _typed(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, list) and len(item) == 2 for item in value):
        return f"{{{', '.join(f'{key}: {weight}' for key, weight in value)}}}"
    return f"[{','.join(map(str, value))}]" if isinstance(value, list) else str(value)


def _split(text: str) -> list[str]:
    """The parts between commas; a comma inside brackets, or in a part that is quoted, does not separate."""
    parts, start, open_brackets, quote = [], 0, "", ""
    for place, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[place - 1] != "\\" else quote
        elif sign in "'\"" and not text[start:place].strip(" [{("):
            quote = sign
        elif sign in _CLOSING:
            open_brackets += _CLOSING[sign]
        elif open_brackets.endswith(sign):
            open_brackets = open_brackets[:-1]
        elif sign == "," and not open_brackets:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _is_quoted(text: str) -> bool:
    parsed = _parse(f"x={text}") if text[0] in "'\"" else None
    return parsed is not None and isinstance(parsed._value, QuotedString)


def _quoted(text: str) -> str:
    return QuotedString(text, Quote.single).with_quotes()


def _read(override: str) -> Any:
    parsed = _parse(override)
    return None if parsed is None else parsed.value()


def _parse(override: str) -> Override | None:
    try:
        return _PARSER.parse_override(override)
    except HydraException:
        return None
