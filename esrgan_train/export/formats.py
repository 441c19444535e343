"""Writing one generator in several formats, and keeping the files that compute what PyTorch computes."""

from __future__ import annotations

import importlib
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.exported import Exported
from esrgan_train.export.photos import verification_photos
from esrgan_train.export.quiet import ChatterError, quiet
from esrgan_train.export.reference import runner
from esrgan_train.export.verify import Verdict, verify

FORMATS = ("pth", "safetensors", "onnx", "ncnn")

log = logging.getLogger(__name__)


def export_all(
    generator: nn.Module,
    stem: Path,
    formats: Sequence[str],
    metadata: Mapping[str, Any],
    *,
    fp32: bool,
) -> list[Verdict]:
    """Write and run every format; the files are moved to their place if all of them pass, else dropped.

    Args:
        generator: in evaluation mode, float32, on the CPU.
        stem: folder and name of the files, without suffix; files of the same names are replaced.
        formats: some of ``FORMATS``.
        metadata: plain values for every file, ``upscale`` among them.
        fp32: write no float16.

    Raises:
        UserError: a format cannot hold this network.
    """
    folder, photos, reference = stem.parent, verification_photos(), runner(generator)
    folder.parent.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent) as beside:
        for name in dict.fromkeys(formats):
            log.info("%-13s writing, then running on %d photographs", name, len(photos))
            try:
                with quiet():
                    written = _write(name, generator, Path(beside, stem.name), metadata, fp32=fp32)
                    verdicts += [verify(exported, reference, photos) for exported in written]
            except ChatterError as error:
                if isinstance(error.__cause__, UserError):
                    raise error.__cause__ from error
                raise UserError(
                    f"--format {name} cannot hold {type(generator).__name__}: {error}; leave {name} out"
                ) from error
        if all(verdict.passed for verdict in verdicts):
            folder.mkdir(exist_ok=True)
            for file in (file for verdict in verdicts for file in verdict.exported.files):
                file.replace(folder / file.name)
    return verdicts


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


_WRITERS = {"pth": "weight_files", "safetensors": "weight_files", "onnx": "onnx_file", "ncnn": "ncnn_files"}


def _with(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)  # with_suffix would cut a name at its last dot
