"""ONNX, run by ONNX Runtime: float32, and float16 for engines with fast half precision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from esrgan_train.export.formats import Request
from esrgan_train.export.verification import Verdict, runner, verify
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.modelfiles.weights import METADATA_KEY

_OPSET = 18  # torch's own; TensorRT takes it from 8.6 on, ONNX Runtime from 1.14 on
# Two images and odd sizes: 0 and 1 would be taken for constants. No side is too small for networks of the field.
_EXAMPLE = (2, 3, 71, 83)
_AXES = {0: "batch", 2: "height", 3: "width"}


def write(generator: nn.Module, request: Request) -> Iterator[Verdict]:
    """Write and run float32 and, unless ``request.fp32``, float16."""
    for half in (False,) if request.fp32 else (False, True):
        path, label = request.file("_fp16.onnx" if half else ".onnx"), "onnx fp16" if half else "onnx fp32"
        export_onnx(generator, path, request.metadata, half=half)
        run = runner(OnnxNetwork(path))
        yield verify(run, generator, label=label, files=(path,), engine="onnxruntime", half=half)


def export_onnx(generator: nn.Module, path: Path, metadata: Mapping[str, Any], *, half: bool) -> None:
    """Write one self-contained ``.onnx`` whose batch, height and width are free.

    With ``half``, weights, input and output are float16. Their names are ``input`` and ``output``; the metadata
    are JSON in ``metadata_props``, under ``esrgan_train``.
    """
    dtype = torch.float16 if half else torch.float32
    program = torch.onnx.export(
        deepcopy(generator).to(dtype).eval(),
        (torch.zeros(_EXAMPLE, dtype=dtype),),
        dynamo=True,
        dynamic_shapes=({axis: torch.export.Dim(name) for axis, name in _AXES.items()},),
        input_names=["input"],
        output_names=["output"],
        opset_version=_OPSET,
        verbose=False,
    )
    assert program is not None, "only the older exporter returns nothing"
    model = program.model_proto
    _forget_source(model.graph)
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(metadata))
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, path)


def _forget_source(graph: onnx.GraphProto) -> None:
    """Drop what the exporter notes of the source code: lines of it, with paths of the author's machine."""
    graph.ClearField("metadata_props")
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
