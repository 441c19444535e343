"""The choices of the configuration's groups as they are written, with the comments that explain them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from esrgan_train.archs.discovery import discover
from esrgan_train.checks.tree import join
from esrgan_train.errors import UserError

_PACKAGE = re.compile(r"#\s*@package\s+(\S+)")
_EDITORS = re.compile(r"#\s*(yaml-language-server:|\$schema:)")
_BESIDE = re.compile(r"^\s+(\w+): .*,\s+# (.*)$", re.MULTILINE)  # an argument of a constructor, with its comment


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A YAML file of a group, or a class that is one.

    Attributes:
        group: with slashes; empty for the file that chooses from all of them.
        place: the dotted name of what it fills; empty for the root.
        content: as it stands, without its list of defaults.
        comments: by the dotted names of the options they stand beside.
        about: what the file says of itself.
    """

    group: str
    name: str
    place: str
    content: dict[str, Any]
    comments: dict[str, str]
    about: str


def choices_in(folders: Sequence[Path]) -> list[Choice]:
    """Every choice in the folders, and every network that is found; the first of one name counts."""
    found: dict[tuple[str, str], Choice] = {}
    for folder in folders:
        for file in [*folder.glob("train.yaml"), *sorted(folder.glob("*/**/*.yaml"))]:
            choice = read(file, folder)
            found.setdefault((choice.group, choice.name), choice)
    for group, classes in discover().items():
        for name, cls in classes.items():
            found.setdefault((group, name), _of_class(group, name, cls))
    return list(found.values())


def read(file: Path, folder: Path) -> Choice:
    """The choice in a file of a configuration's folder.

    Raises:
        UserError: the file is no YAML, or holds something else than options.
    """
    text = file.read_text(encoding="utf-8")
    group = file.parent.relative_to(folder).as_posix().removeprefix(".")
    head = [line for line in re.split(r"^(?!#)", text, maxsplit=1, flags=re.MULTILINE)[0].splitlines() if line]
    package = next((match[1] for line in head if (match := _PACKAGE.match(line))), "_group_")
    place = package.replace("_group_", group.replace("/", ".")).removeprefix("_global_").removeprefix(".")
    try:
        content = OmegaConf.to_container(OmegaConf.load(file))
    except (yaml.YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{file} is no YAML that can be read: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{file} holds no options: give key: value")
    comments = dict(_comments(yaml.compose(text, yaml.SafeLoader), text.splitlines(), place))
    told = [line for line in head if not _PACKAGE.match(line) and not _EDITORS.match(line)]
    return Choice(
        group=group,
        name=file.stem,
        place=place,
        content={str(key): value for key, value in content.items() if key != "defaults"},
        comments=comments,
        about=" ".join(line.lstrip("# ") for line in told),
    )


def _of_class(group: str, name: str, cls: Any) -> Choice:
    """The choice that a class is: its constructor's defaults and the comments beside them."""
    parameters = inspect.signature(cls).parameters.values()
    given = {each.name: each.default for each in parameters if each.default is not each.empty}
    source = inspect.getsource(cls.__init__)
    return Choice(
        group=group,
        name=name,
        place=group,
        content={"_target_": f"{cls.__module__}.{cls.__qualname__}", **given},
        comments={join(group, argument): comment for argument, comment in _BESIDE.findall(source)},
        about=(inspect.getdoc(cls) or "").partition("\n")[0],
    )


def _comments(node: yaml.Node | None, lines: Sequence[str], place: str) -> Iterator[tuple[str, str]]:
    """Each commented option of a mapping and of those below it, with its comment."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        name = join(place, key.value)
        on_its_line = key.start_mark.line == value.end_mark.line or getattr(value, "flow_style", False)
        before = value.end_mark if on_its_line else key.end_mark
        if comment := _comment(lines, before.line, before.column):
            yield name, comment
        yield from _comments(value, lines, name)


def _comment(lines: Sequence[str], line: int, column: int) -> str:
    """The comment after a place in a line; lines below go on with it where their ``#`` stands below its own."""
    start = lines[line].find("#", column)
    if start < 0:
        return ""
    words = [lines[line][start:]]
    for below in lines[line + 1 :]:
        if below.find("#") != start or below[:start].strip():
            break
        words.append(below[start:])
    return " ".join(each.strip("# ") for each in words)
