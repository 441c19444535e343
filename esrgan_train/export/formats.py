"""Writing a generator in one format, and running what was written."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.exported import Exported
from esrgan_train.export.photos import verification_photos
from esrgan_train.export.reference import runner
from esrgan_train.export.verify import Verdict, verify

FORMATS = ("pth", "safetensors", "onnx", "ncnn")
CONVERTED = ("onnx", "ncnn")  # by native code, which may crash: each in a process of its own

_WRITERS = {"pth": "weight_files", "safetensors": "weight_files", "onnx": "onnx_file", "ncnn": "ncnn_files"}


class FormatError(Exception):
    """A format could not be made; the message is one line with the exporter's own reason."""


def make(
    name: str, generator: nn.Module, stem: Path, metadata: Mapping[str, Any], *, fp32: bool
) -> Iterator[Verdict]:
    """Write the files of one format, run each, and say how far it is from the generator.

    Args:
        name: one of ``FORMATS``.
        generator: in evaluation mode, float32, on the CPU.
        stem: folder and name of the files, without suffix.
        metadata: plain values for every file, ``upscale`` among them.
        fp32: write no float16.

    Raises:
        UserError: other programs would use the file wrongly.
        FormatError: the format cannot hold this network.
    """
    photos, reference = verification_photos(), runner(generator)
    try:
        for exported in _write(name, generator, stem, metadata, fp32=fp32):
            yield verify(exported, reference, photos)
    except UserError:
        raise
    except Exception as error:  # exporters raise anything
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
        raise FormatError(f"{type(error).__name__}: {reason}") from error


def _write(
    name: str, generator: nn.Module, stem: Path, metadata: Mapping[str, Any], *, fp32: bool
) -> Iterator[Exported]:
    # Each writer is imported when it is asked for: it brings packages that the others do without.
    writer = importlib.import_module(f"esrgan_train.export.{_WRITERS[name]}")
    if name == "ncnn":
        with tempfile.TemporaryDirectory(prefix="pnnx", dir=stem.parent) as scratch:
            yield writer.export_ncnn(generator, stem, metadata, Path(scratch), half=not fp32)
    elif name == "onnx":
        yield writer.export_onnx(generator, _with(stem, ".onnx"), metadata, half=False)
        if not fp32:
            yield writer.export_onnx(generator, _with(stem, "_fp16.onnx"), metadata, half=True)
    else:
        yield writer.export_weights(generator, _with(stem, f".{name}"), metadata)


def _with(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)  # with_suffix would cut a name at its last dot
