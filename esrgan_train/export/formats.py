"""The formats, and one of them written and run.

A new format is a module with ``write`` and an entry in ``FORMATS``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.variants import Variant
from esrgan_train.export.verification import Verdict


@dataclass(frozen=True)
class Format:
    """How a format is made."""

    module: str  # in this package: its write(generator, request) yields a Verdict on each set of files
    packages: tuple[str, ...]  # that only the export needs, so the module is imported when it is used
    apart: bool = False  # in a process of its own: its native code may crash


FORMATS = {
    "pth": Format("weight_files", ("spandrel",)),
    "safetensors": Format("weight_files", ("spandrel",)),
    "onnx": Format("onnx_file", ("onnx", "onnxscript", "onnxruntime"), apart=True),
    "ncnn": Format("ncnn_files", ("pnnx", "ncnn"), apart=True),
}


_LONGEST = 200  # characters of an exporter's reason


class FormatError(Exception):
    """A format could not be made; the message is one line with the exporter's own reason."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be written in one format."""

    variants: tuple[Variant, ...]  # of the same format
    model: Path  # the file that is exported
    folder: Path  # to write to
    name: str  # of what is written, without ending; may have folders of its own
    metadata: Mapping[str, Any]  # plain values for every file, "upscale" among them
    target: str | None = None  # the program that wants it so

    @property
    def format(self) -> str:
        """One of FORMATS."""
        return self.variants[0].format

    def file(self, ending: str) -> Path:
        """The file with that ending."""
        return self.folder / f"{self.name}{ending}"  # with_suffix would cut a name at its last dot


def check_packages(formats: Iterable[str]) -> None:
    """``UserError`` naming the missing packages, without which a format cannot be written or run."""
    needed = dict.fromkeys(package for name in formats for package in FORMATS[name].packages)
    missing = [package for package in needed if find_spec(package) is None]
    if missing:
        raise UserError(
            f"--format {' '.join(formats)} needs {', '.join(missing)}: pip install 'esrgan-train[export]'"
        )


def make(generator: nn.Module, request: Request) -> Iterator[Verdict]:
    """Write the files of one format, run each, and compare them with the generator.

    Raises:
        UserError: other programs would use the file wrongly.
        FormatError: the format cannot hold this network.
    """
    module = importlib.import_module(f"esrgan_train.export.{FORMATS[request.format].module}")
    try:
        yield from module.write(generator, request)
    except UserError:
        raise
    except Exception as error:  # exporters raise anything
        raise FormatError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """One line: what failed first, of which exporters tell in several errors about one another."""
    while error.__cause__ is not None:
        error = error.__cause__
    said = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
    return f"{type(error).__name__}: {said[:_LONGEST]}"
