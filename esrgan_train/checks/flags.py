"""Words of a command line that start with a dash."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NoReturn

from hydra._internal.utils import get_args_parser  # the only list of the flags that Hydra takes

from esrgan_train.errors import UserError


def check_flags(arguments: Sequence[str]) -> None:
    """``UserError`` for a flag that Hydra does not take; the way out for an option written like one."""
    parser = get_args_parser()
    parser.allow_abbrev = False  # or --experiment would be taken for --experimental-rerun
    parser.error = _refuse  # type: ignore[method-assign]
    _, unknown = parser.parse_known_args(list(arguments))
    for word in unknown:
        option, equals, value = word.lstrip("-").partition("=")
        if len(option) == 1:
            raise UserError(f"{word}: there is no such flag; --hydra-help lists them, --help the options")
        if not equals:
            value = next((a for a in arguments[arguments.index(word) + 1 :][:1] if a[:1] != "-"), "VALUE")
        raise UserError(f"{word}: options take no dashes: give {shlex.quote(f'{option}={value}')}")


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; --hydra-help lists the flags, --help the options")
