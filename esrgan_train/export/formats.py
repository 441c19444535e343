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


class FormatError(Exception):
    """A format could not be made; the message is one line with the exporter's own reason."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be written."""

    format: str  # one of FORMATS
    model: Path  # the file that is exported
    stem: Path  # folder and name of what is written, without suffix
    metadata: Mapping[str, Any]  # plain values for every file, "upscale" among them
    fp32: bool  # write no float16

    def file(self, ending: str) -> Path:
        """The file with that ending."""
        return self.stem.with_name(self.stem.name + ending)  # with_suffix would cut a name at its last dot


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
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
        raise FormatError(f"{type(error).__name__}: {reason}") from error
