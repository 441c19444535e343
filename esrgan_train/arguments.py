"""What several commands' options have in common."""

from __future__ import annotations

import argparse
import typing
from collections.abc import Callable
from typing import Any

from esrgan_train.bounds import fits, in_words


def number(hint: Any) -> Callable[[str], Any]:
    """A ``type=`` for argparse: a number within the bounds of an annotation, such as ``bounds.Count``."""
    kind = typing.get_args(hint)[0]

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if not fits(value, hint):
            raise argparse.ArgumentTypeError(f"{text}: give {in_words(hint)}")
        return value

    return read


def add_upscaler_options(parser: argparse.ArgumentParser) -> None:
    """How a model is run: ``--device``, ``--precision`` and ``--runtime``."""
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--precision", default="auto", choices=["auto", "32", "bf16"], help="default: auto")
    parser.add_argument("--runtime", default="torch", choices=["torch", "openvino"], help="default: torch")
