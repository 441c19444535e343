"""``--schema [FILE]`` of the training command: writes the schema for editors."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from esrgan_train.checks.paths import for_hydra
from esrgan_train.config import compose_with_hydra, config_dir
from esrgan_train.editor.document import as_text, document
from esrgan_train.errors import UserError
from esrgan_train.files import replacing

FLAG = "--schema"
_SEARCHED = "hydra.searchpath="

log = logging.getLogger(__name__)


def is_asked(arguments: Sequence[str]) -> bool:
    """Whether the command line has ``--schema``."""
    return any(word == FLAG or word.startswith(f"{FLAG}=") for word in arguments)


def write_schema(arguments: Sequence[str]) -> int:
    """Write the schema into the file that follows ``--schema``, or to standard output; the exit status.

    ``hydra.searchpath`` adds the choices of folders of the user's.

    Raises:
        UserError: another word stands beside it, or a folder that is searched is none.
    """
    searched = [word for word in arguments if word.startswith(_SEARCHED)]
    others = [word for word in arguments if word not in searched]
    files = [file for word in others if (file := word.removeprefix(FLAG).removeprefix("="))]
    for word in sorted(files, key=_is_no_option):
        if not _is_no_option(word) or len(files) > 1:
            raise UserError(f"{word}: {FLAG} takes a file to write, and {_SEARCHED}[file://FOLDER]")
    text = as_text(document(folders([for_hydra(word, sweep=False) for word in searched])))
    if not files:
        sys.stdout.write(text)
        return 0
    with replacing(Path(files[0])) as partial:
        partial.write_text(text, encoding="utf-8")
    log.info("schema  %s", files[0])
    return 0


def _is_no_option(word: str) -> bool:
    return not word.startswith("-") and "=" not in word


def folders(searched: Sequence[str]) -> list[Path]:
    """The folders whose files are choices, those of the user last.

    Raises:
        UserError: one of them is no folder.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a folder that is not there
        paths = compose_with_hydra(searched)[1].searchpath if searched else []
    own = [Path(str(path).removeprefix("file://")) for path in paths]
    for folder in own:
        if not folder.is_dir():
            raise UserError(
                f"{_SEARCHED}{folder}: there is no such folder; {FLAG} reads those named file://FOLDER"
            )
    return [config_dir(), *own]
