"""Which words of a command line are overrides, and which are Hydra's flags."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from hydra._internal.utils import get_args_parser  # the only list of the flags that Hydra takes

from esrgan_train.commands import shell_word
from esrgan_train.errors import UserError


def is_sweep(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for a sweep with ``-m``."""
    return "-m" in arguments or "--multirun" in arguments


def commas_separate(arguments: Sequence[str]) -> bool:
    """Whether a comma separates values: in a sweep, also in one that a choice or Hydra's mode starts."""
    asking = ("hparams_search=", "+hparams_search=", "hydra.mode=MULTIRUN")
    return is_sweep(arguments) or any(a.startswith(asking) and not a.endswith("=null") for a in arguments)


def overrides_in(arguments: Sequence[str]) -> list[str]:
    """The overrides among the arguments of a command line; Hydra's own flags start with a dash."""
    return [a for a in arguments if not a.startswith("-") and ("=" in a or a.startswith("~"))]


def overrides_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the overrides before the flags: Hydra refuses overrides that follow a flag.

    Raises:
        UserError: a flag that Hydra does not take, or one without its value; for an option written like a flag,
            the message has the option without dashes.
    """
    overrides = overrides_in(arguments)
    ordered = [*overrides, *(argument for argument in arguments if argument not in overrides)]
    parser = get_args_parser()
    parser.allow_abbrev = False  # or --experiment would be taken for --experimental-rerun
    parser.error = _refuse  # type: ignore[method-assign]
    overrides_of(parser, ordered)
    return ordered


def overrides_of(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """The ``overrides`` that ``parser`` finds beside its flags.

    Raises:
        UserError: a word that is neither an override nor a flag.
    """
    known, unknown = parser.parse_known_intermixed_args(list(arguments))
    dashed = [word for word in known.overrides if word.startswith("-")]  # with a space inside, to argparse no flag
    for word in (*unknown, *dashed):
        if not word.startswith("--"):
            raise UserError(f"{word}: neither key=value nor a flag; --help lists the options")
        option, equals, value = word.lstrip("-").partition("=")
        value = value if equals else _after(word, arguments)
        raise UserError(f"{word}: options take no dashes: give {shell_word(f'{option}={value}')}")
    return list(known.overrides)


def _after(word: str, arguments: Sequence[str]) -> str:
    following = arguments[arguments.index(word) + 1 :][:1]
    return following[0] if following and following[0][:1] != "-" and "=" not in following[0] else "VALUE"


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; --hydra-help lists the flags, --help the options")
