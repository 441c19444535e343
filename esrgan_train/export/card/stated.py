"""What only a person knows of a model: the options of the card."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from esrgan_train.errors import UserError

NOT_STATED = "not stated"

_ON_HUB = re.compile(r"[\w.-]+/[\w.-]+")  # user/name
_IN_DATABASE = re.compile(r"\d+x-[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*")  # a model's id: 4x-Name

_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")


@dataclass(frozen=True, kw_only=True)
class Stated:
    """Names are as they were given; ``dataset`` and ``pretrained`` may hold ``user/name`` of the Hugging Face Hub.

    Raises:
        UserError: a text is empty, ``pretrained`` no identifier, or ``url`` no address.
    """

    author: tuple[str, ...] = ()
    licence: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    dataset: tuple[str, ...] = ()
    pretrained: tuple[str, ...] = ()
    url: str | None = None  # of the folder in which the files will be found

    def __post_init__(self) -> None:
        for one in fields(self):
            said = getattr(self, one.name)
            if any(not text.strip() for text in ([said] if isinstance(said, str) else said or ())):
                raise UserError(f"--{one.name} is empty: give its text, or leave it out")
        for model in self.pretrained:
            if not _ON_HUB.fullmatch(model) and not _IN_DATABASE.fullmatch(model):
                raise UserError(
                    f"--pretrained {model!r} is neither an id of OpenModelDB, such as 4x-Name, nor of the Hugging "
                    "Face Hub, such as user/name"
                )
        if self.url is not None and not _ADDRESS.fullmatch(self.url):
            raise UserError(f"--url {self.url!r} is no address: give that of a folder, such as https://…/models")

    def or_else(self, said: Mapping[str, Any]) -> Stated:
        """With what is not stated taken from ``said``, the ``card`` of a run's configuration."""
        lacking = {one.name for one in fields(self) if not getattr(self, one.name)}
        found = {name: value for name, value in said.items() if name in lacking and value is not None}
        return replace(self, **_frozen(found))

    @property
    def pretrained_in_database(self) -> str | None:
        """The first id of OpenModelDB among ``pretrained``."""
        return next((model for model in self.pretrained if _IN_DATABASE.fullmatch(model)), None)

    def on_hub(self, names: tuple[str, ...]) -> list[str]:
        """Those of ``dataset`` or ``pretrained`` that the Hub has."""
        return [name for name in names if _ON_HUB.fullmatch(name)]


def add_card_options(parser: argparse.ArgumentParser) -> None:
    """The options of the card, but for ``--licence``, which every file keeps."""
    add = parser.add_argument_group(
        "model card", "README.md, pictures/ and the entry for OpenModelDB, from the run; what it cannot know:"
    ).add_argument
    add("--author", nargs="+", metavar="NAME", help="one or several; stored in every file too")
    add("--tags", nargs="+", metavar="TAG", help="of OpenModelDB, such as photo anime denoise")
    add("--description", metavar="TEXT", help="what the model is for; Markdown")
    add("--dataset", nargs="+", metavar="NAME", help="what it was trained on; USER/NAME of the Hugging Face Hub")
    add("--pretrained", nargs="+", metavar="ID", help="what it started from: 4x-Name, USER/NAME, or both")
    add("--url", help="of the folder on the web that will hold these files")
    add("--no-card", action="store_true", help="write none of this")


def stated_in(options: argparse.Namespace, metadata: Mapping[str, Any]) -> Stated:
    """What the command line says, and what the model file already said of author and licence.

    Raises:
        UserError: as ``Stated``, or an option has no effect with ``--no-card``.
    """
    given = {one.name: getattr(options, one.name) for one in fields(Stated)}
    useless = [name for name, value in given.items() if value and name not in ("author", "licence")]
    if options.no_card and useless:
        raise UserError(f"--{useless[0]} has no effect with --no-card: leave one of them out")
    return Stated(**{**_in_file(metadata), **_frozen({n: v for n, v in given.items() if v is not None})})


def _frozen(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}


def _in_file(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Author and licence, if the file has them as this command writes them."""
    licence, author = metadata.get("licence"), metadata.get("author")
    kept: dict[str, Any] = {"licence": licence} if isinstance(licence, str) and licence.strip() else {}
    if isinstance(author, list) and all(isinstance(name, str) and name.strip() for name in author):
        kept["author"] = tuple(author)
    return kept
