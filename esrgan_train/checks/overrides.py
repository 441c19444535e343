"""What Hydra refuses, in one line with the nearest right option."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException, ValidationError

from esrgan_train.checks.nearest import called_elsewhere, nearest_option, remedy
from esrgan_train.checks.paths import unreadable
from esrgan_train.checks.tree import options_of

Compose = Callable[[list[str]], DictConfig]

_KINDS = {"Integer": "a whole number", "Float": "a number", "Boolean": "true or false", "String": "text"}
_NO_KEY = re.compile(r"Could not override '(?P<key>[^']+)'")
_NO_DELETION = re.compile(r"Could not delete from config. (?:The value of )?'(?P<key>[^']+)'")
_NO_CHOICE = re.compile(r"Could not (?:find|load) '(?P<choice>[^']+)'")
_AMBIGUOUS = re.compile(r"Ambiguous value for argument '(?P<override>.+)'$", re.MULTILINE)
_MERGE = re.compile(r"Error merging override (?P<override>.+)", re.DOTALL)
_WRONG_TYPE = re.compile(r"could not be converted to (\w+)")


def explain(error: BaseException, overrides: Sequence[str], compose: Compose, folders: Iterable[Path]) -> str:
    """Say in one line what is wrong with the overrides, and what would be right.

    Args:
        error: what Hydra raised for them.
        overrides: as given on the command line.
        compose: composes the configuration of some overrides.
        folders: the configuration's folders, to find options of other choices.
    """
    message = str(error)
    if _names_no_choice(error):
        return f"{_without_choice(overrides, folders)}: a group takes the name of a choice; --help lists them"
    if isinstance(error, OverrideParseException):
        return unreadable(error.override)
    if match := _AMBIGUOUS.match(message):
        return _explain_comma(match["override"])
    if isinstance(error, MissingConfigException) and (match := _NO_CHOICE.search(message)):
        return _explain_choice(match["choice"], error.options or [], message, folders)
    if match := _NO_KEY.search(message) or _NO_DELETION.search(message):
        return _explain_key(match["key"], overrides, compose, list(folders))
    cause = error.__cause__
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


def groups_of(overrides: Sequence[str], groups: Collection[str]) -> list[str]:
    """The overrides that choose from one of the ``groups`` or extend the search path."""
    return [
        str(override.input_line)
        for override in OverridesParser.create().parse_overrides(list(overrides))
        if override.key_or_group == "hydra.searchpath"
        or (_names_group(override, groups) and isinstance(override.value(), str) and not override.is_delete())
    ]


def _names_group(override: Override, groups: Collection[str]) -> bool:
    key = override.key_or_group
    return "." not in key and key.partition("/")[0] in groups


def _without_choice(overrides: Sequence[str], folders: Iterable[Path]) -> str:
    groups = _groups(folders)
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        if _names_group(override, groups) and not isinstance(override.value(), (str, list)):
            return str(override.input_line)
    return "a choice"


def choices_with(option: str, folders: Iterable[Path]) -> list[str]:
    """The choices, such as ``data=folder``, whose own file or class has this dotted option."""
    wanted, _, rest = option.partition(".")
    return [f"{group}={name}" for group, name, read in _choices(folders) if group == wanted and _has(read(), rest)]


def groups_with(choice: str, folders: Iterable[Path]) -> list[str]:
    """The groups, such as ``loss/pixel``, that have this choice."""
    return list(dict.fromkeys(group for group, name, _ in _choices(folders) if name == choice))


def _choices(folders: Iterable[Path]) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Every choice in the folders and of the discovered networks: its group, its name, and how to read it."""
    for folder in folders:
        for file in sorted(folder.glob("*/**/*.yaml")):
            yield file.parent.relative_to(folder).as_posix(), file.stem, partial(OmegaConf.load, file)
    for group, entries in ConfigStore.instance().repo.items():
        for file_name, entry in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(entry, dict):
                yield group, file_name.removesuffix(".yaml"), partial(OmegaConf.structured, entry.node)


def _groups(folders: Iterable[Path]) -> set[str]:
    return {"hydra", *(group.partition("/")[0] for group, *_ in _choices(folders))}


def _has(content: Any, dotted: str) -> bool:
    node = content
    for key in dotted.split("."):
        if not isinstance(node, DictConfig) or key not in node.keys():  # noqa: SIM118 — `in` is false for ???
            return False
        node = node._get_node(key)
    return True


# Groups of Hydra that packages fill, and the packages of the choices that the documentation speaks of.
_PLUGINS = {
    "hydra/sweeper": {"optuna": 'hydra-optuna-sweeper "sqlalchemy<2"'},
    "hydra/launcher": {
        "joblib": "hydra-joblib-launcher",
        "ray": "hydra-ray-launcher",
        "submitit_local": "hydra-submitit-launcher",
        "submitit_slurm": "hydra-submitit-launcher",
    },
}


def _explain_comma(override: str) -> str:
    key, _, value = override.partition("=")
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        point = f"{key}={value.replace(',', '.')}"
        return f"{override}: a decimal number takes a point: {point}; several values take -m"
    as_text = shlex.quote(f'{key}="{value}"')
    return f"{override}: several values take -m, a list brackets: '{key}=[{value}]', a text quotes: {as_text}"


def _explain_choice(choice: str, options: Sequence[str], message: str, folders: Iterable[Path]) -> str:
    group, _, name = choice.rpartition("/")
    if not group:
        return message.partition("Config search path:")[0]
    found = [option for option in options if option != "base"]
    if group in _PLUGINS:
        package = _PLUGINS[group].get(name, "the package that brings it")
        return f"{group}={name} is not installed: pip install {package}"
    there_is = f"{group}={name}: there is no such choice"
    if elsewhere := groups_with(name, folders):
        inside = [each for each in elsewhere if each.startswith(f"{group}/")]
        return f"{there_is}; did you mean {(inside or elsewhere)[0]}={name}?"
    if not found:
        return f"{there_is}; --help lists the groups and their choices"
    inner = sorted({path.name for folder in folders for path in (folder / group).glob("*/")})
    parts = f"; one part alone: {', '.join(f'{group}/{part}=…' for part in inner)}" if inner else ""
    return f"{there_is}; {remedy(name, found, prefix=f'{group}=')}{parts}"


def _explain_key(key: str, overrides: Sequence[str], compose: Compose, folders: list[Path]) -> str:
    key = key.partition("@")[0]
    given = next((o for o in overrides if o.lstrip("+~").partition("=")[0].partition("@")[0] == key), key)
    there_is = f"{given}: there is no such option"
    if meant := called_elsewhere(key):
        return f"{there_is}; did you mean {meant}{''.join(given.partition('=')[1:])}?"
    try:
        cfg = compose(groups_of(overrides, _groups(folders)))
    except (
        HydraException,
        OmegaConfBaseException,
        ConfigKeyError,
    ):  # the choices are wrong as well, which is reported next
        return f"{there_is}; --help lists the common ones"
    elsewhere = choices_with(key, folders) if "." in key else []
    if elsewhere:
        value = given.partition("=")[2]
        return f"{there_is} here; it belongs to {elsewhere[0]}: give {elsewhere[0]} {key}={value or '…'}"
    close = nearest_option(key, options_of(cfg))
    if close:
        return f"{there_is}; did you mean {' or '.join(close)}?"
    if "=" in given and not given.startswith(("+", "~")):
        return f"{there_is}; --help lists the common ones, --cfg job all of them"
    return f"{there_is}; --cfg job lists all of them"
