"""The console script: ``esrgan-train COMMAND ...`` is ``python -m esrgan_train.COMMAND ...``."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from typing import NamedTuple

from esrgan_train.checks.nearest import remedy
from esrgan_train.cli import report_error
from esrgan_train.commands import start_by_script
from esrgan_train.errors import UserError


class Command(NamedTuple):
    """A module that can be started, and what ``esrgan-train --help`` says of it."""

    module: str
    about: str


COMMANDS = {
    "train": Command("esrgan_train", "train a model; esrgan-train alone does it, too"),
    "doctor": Command("esrgan_train.doctor", "check what usually fails hours into a run"),
    "prepare": Command("esrgan_train.prepare", "pack photos, and report bad ones"),
    "preview-data": Command("esrgan_train.preview_data", "draw what training will see"),
    "replay": Command("esrgan_train.replay", "show samples of a run again"),
    "search": Command("esrgan_train.search", "search options, with any number of workers"),
    "compare": Command("esrgan_train.compare", "compare runs"),
    "report": Command("esrgan_train.report", "show runs in one page, with --serve while they train"),
    "upscale": Command("esrgan_train.upscale", "upscale photos"),
    "evaluate": Command("esrgan_train.evaluate", "score a model"),
    "export": Command("esrgan_train.export", "write a model for other programs"),
    "interpolate": Command("esrgan_train.interpolate", "mix two models"),
    "gpu-check": Command("esrgan_train.gpu_check", "test and measure a GPU; needs a checkout"),
}


def main() -> None:
    """Start the module that the first word names; a line of options alone trains.

    The module runs as ``python -m`` runs it: it is ``__main__``, the current folder is importable, and processes
    that it starts find it by its name. That also holds where the script is an ``.exe``.
    """
    start_by_script()
    here = os.getcwd()  # noqa: PTH109 — an entry of sys.path is a string
    if here not in sys.path:
        sys.path.append(here)  # a _target_ may lie in the current folder
    if sys.argv[1:2] in (["--help"], ["-h"]):
        print(overview())
    try:
        module, sys.argv[1:] = chosen(sys.argv[1:])
    except UserError as error:
        sys.exit(report_error(error))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def chosen(words: Sequence[str]) -> tuple[str, list[str]]:
    """The module that a command line starts, and the words that it gets.

    Raises:
        UserError: the first word is neither a command nor an option of training.
    """
    word = words[0] if words else ""
    if word.replace("_", "-") in COMMANDS:
        return COMMANDS[word.replace("_", "-")].module, [*words[1:]]
    if word and word[0] not in "-~" and "=" not in word:
        raise UserError(f"{word}: neither a command nor key=value; {remedy(word, COMMANDS)}")
    return COMMANDS["train"].module, [*words]


def overview() -> str:
    """The commands, one a line."""
    width = max(map(len, COMMANDS))
    lines = [f"  esrgan-train {name:<{width}}  {command.about}" for name, command in COMMANDS.items()]
    return "\n".join(["Commands (--help after one lists its options)", *lines, ""])
