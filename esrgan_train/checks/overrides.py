"""What Hydra refuses, in one line with the nearest right option."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from esrgan_train.checks.nearest import ELSEWHERE, nearest_options, remedy
from esrgan_train.checks.paths import unreadable
from esrgan_train.checks.tree import options_of
from esrgan_train.commands import shell_word

Compose = Callable[[list[str]], DictConfig]

_KINDS = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false", "String": "text"}
_NO_KEY = re.compile(r"Could not override '(?P<key>[^']+)'")
_NO_DELETION = re.compile(r"Could not delete from config. (?:The value of )?'(?P<key>[^']+)'")
_NO_CHOICE = re.compile(r"Could not (?:find|load) '(?P<group>[^']+)/(?P<name>[^'/]+)'")
_AMBIGUOUS = re.compile(r"Ambiguous value for argument '(?P<override>.+)'$", re.MULTILINE)
_MERGE = re.compile(r"Error merging override (?P<override>.+)", re.DOTALL)
_WRONG_TYPE = re.compile(r"could not be converted to (\w+)")


def explain(error: BaseException, overrides: Sequence[str], compose: Compose, folders: Sequence[Path]) -> str:
    """Say in one line what is wrong with the overrides, and what would be right.

    Args:
        error: what Hydra raised for them.
        overrides: as given on the command line.
        compose: composes the configuration of some overrides.
        folders: the configuration's folders, to find options of other choices.
    """
    message, cause = str(error), error.__cause__
    if _names_no_choice(error):
        return f"{_without_choice(overrides, folders)}: a group takes the name of a choice; --help lists them"
    if isinstance(error, OverrideParseException):
        return unreadable(error.override)
    if match := _AMBIGUOUS.match(message):
        return _explain_comma(match["override"])
    if isinstance(error, MissingConfigException) and (match := _NO_CHOICE.search(message)):
        return _explain_choice(match["group"], match["name"], error.options or [], folders)
    if match := _NO_KEY.search(message) or _NO_DELETION.search(message):
        return _explain_key(match["key"], overrides, compose, folders)
    if (match := _MERGE.search(message)) and isinstance(cause, ValidationError):
        kind = _WRONG_TYPE.search(str(cause))
        wanted = _KINDS.get(kind[1], kind[1]) if kind else str(cause).partition("\n")[0]
        return f"{match['override']}: give {wanted}"
    if isinstance(cause, OmegaConfBaseException):
        return f"{message}: {str(cause).partition(chr(10))[0]}"
    return message.partition("Config search path:")[0]


def is_of_composing(error: BaseException) -> bool:
    """Whether Hydra refuses the overrides; it raises a bare ``ValueError`` for a choice that is no word."""
    return isinstance(error, HydraException) or _names_no_choice(error)


def _names_no_choice(error: BaseException) -> bool:
    return isinstance(error, ValueError) and "Config group override must be" in str(error)


def _choosing(overrides: Sequence[str], folders: Iterable[Path]) -> Iterator[Override]:
    """The overrides that choose from a group."""
    groups = {"hydra", *(group.partition("/")[0] for group, *_ in _choices(folders))}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.key_or_group
        if "." not in key and key.partition("/")[0] in groups:
            yield override


def _without_choice(overrides: Sequence[str], folders: Iterable[Path]) -> str:
    wrong = (o.input_line for o in _choosing(overrides, folders) if not isinstance(o.value(), (str, list)))
    return next(wrong, None) or "a choice"


def _choices(folders: Iterable[Path]) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Every choice in the folders and of the discovered networks: its group, its name, and how to read it."""
    for folder in folders:
        for file in sorted(folder.glob("*/**/*.yaml")):
            yield file.parent.relative_to(folder).as_posix(), file.stem, partial(OmegaConf.load, file)
    for group, entries in ConfigStore.instance().repo.items():
        for file_name, entry in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(entry, dict):
                yield group, file_name.removesuffix(".yaml"), partial(OmegaConf.structured, entry.node)


def _has(content: Any, dotted: str) -> bool:
    node = content
    for key in dotted.split("."):
        if not isinstance(node, DictConfig) or key not in node.keys():  # noqa: SIM118 — `in` is false for ???
            return False
        node = node._get_node(key)
    return True


def _owner(group: str, option: str, folders: Iterable[Path]) -> str | None:
    """The group's choice that has the option: the first that leaves it to be given, or else the first."""
    read = {name: read() for other, name, read in _choices(folders) if other == group}
    owners = [name for name, content in read.items() if _has(content, option)]
    is_asked_for = (name for name in owners if option in OmegaConf.missing_keys(read[name]))
    return next(is_asked_for, next(iter(owners), None))


# Groups of Hydra that packages fill, and the packages of the choices that the documentation speaks of.
_PLUGINS = {
    "hydra/launcher": {
        "joblib": "hydra-joblib-launcher",
        "ray": "hydra-ray-launcher",
        "submitit_local": "hydra-submitit-launcher",
        "submitit_slurm": "hydra-submitit-launcher",
    },
}

# Choices of earlier versions, and what has taken their place.
_REPLACED = {
    ("hparams_search", "optuna"): "python -m esrgan_train.search, with the same options and ranges",
    ("hydra/sweeper", "optuna"): "python -m esrgan_train.search, with the same options and ranges",
}

# Groups of which a list is chosen, the option that holds their choices by name, and what must be chosen before.
_LISTS = (("loss/terms", "loss", ""), ("degradation/steps", "degradation.steps", "degradation=chain "))


def _explain_comma(override: str) -> str:
    key, _, value = override.partition("=")
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        point = f"{key}={value.replace(',', '.')}"
        return f"{override}: a decimal number takes a point: {point}; several values take -m"
    as_text = shell_word(f'{key}="{value}"')
    return f"{override}: several values take -m, a list brackets: '{key}=[{value}]', a text quotes: {as_text}"


def _explain_choice(group: str, name: str, options: Sequence[str], folders: Sequence[Path]) -> str:
    if group in _PLUGINS:
        package = _PLUGINS[group].get(name, "the package that brings it")
        return f"{group}={name} is not installed: pip install {package}"
    there_is = f"{group}={name}: there is no such choice"
    if (group, name) in _REPLACED:
        return f"{there_is} any more: give {_REPLACED[group, name]}"
    choices = [(other, choice) for other, choice, _ in _choices(folders)]
    elsewhere = [other for other, choice in choices if choice == name]
    if elsewhere:
        inside = [other for other in elsewhere if other.startswith(f"{group}/")]
        return f"{there_is}; did you mean {(inside or elsewhere)[0]}={name}?"
    # Hydra names no options where a list of choices is wanted.
    known = options or sorted({choice for other, choice in choices if other == group})
    found = [option for option in known if option != "base"]
    if not found:
        return f"{there_is}; --help lists the groups and their choices"
    inner = sorted({path.name for folder in folders for path in (folder / group).glob("*/")})
    parts = f"; one part alone: {', '.join(f'{group}/{part}=…' for part in inner)}" if inner else ""
    prefix = f"{group}=" if options else ""
    return f"{there_is}; {remedy(name, found, prefix=prefix)}{parts}"


def _explain_key(key: str, overrides: Sequence[str], compose: Compose, folders: Sequence[Path]) -> str:
    key = key.partition("@")[0]
    given = next((o for o in overrides if o.lstrip("+~").partition("=")[0].partition("@")[0] == key), key)
    _, equals, value = given.partition("=")
    there_is = f"{given}: there is no such option"
    if chosen := next((chosen for listed, _, chosen in _LISTS if listed == key), None):
        return f"{there_is} here: give {chosen}{key}={value or '…'}"
    if meant := next((option for option, others in ELSEWHERE.items() if key.lower() in others), None):
        return f"{there_is}; did you mean {meant}{equals}{value}?"
    kinds = str, list
    choosing = [o for o in _choosing(overrides, folders) if isinstance(o.value(), kinds) and not o.is_delete()]
    paths = [o for o in overrides if o.startswith("hydra.searchpath=")]
    try:
        cfg = compose([*paths, *(str(override.input_line) for override in choosing)])
    except (HydraException, OmegaConfBaseException):  # the choices are wrong as well, which is reported next
        return f"{there_is}; --help lists the common ones"
    group, _, rest = key.partition(".")
    if rest and (name := _owner(group, rest, folders)):
        choice = f"{group}={name}"
        return f"{there_is} here; it belongs to {choice}: give {choice} {key}={value or '…'}"
    for other, name, read in _choices(folders) if rest else ():
        for listed, option, chosen in _LISTS:
            inner = f"{option}.{name}."
            if other == listed and key.startswith(inner) and _has(read(), key.removeprefix(inner)):
                return f"{there_is} here: give {chosen}{listed}=[{name}] {key}={value or '…'}"
    if close := nearest_options(key, options_of(cfg)):
        return f"{there_is}; did you mean {' or '.join(close)}?"
    if equals and not given.startswith(("+", "~")):
        return f"{there_is}; --help lists the common ones, --cfg job all of them"
    return f"{there_is}; --cfg job lists all of them"
