"""ONNX, run by ONNX Runtime: float32, and float16 for engines with fast half precision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from esrgan_train.export.exported import FLOAT16_TOLERANCE, FLOAT32_TOLERANCE, Batch, Exported
from esrgan_train.modelfiles.weights import METADATA_KEY

OPSET = 18  # torch's own; TensorRT takes it from 8.6 on, ONNX Runtime from 1.14 on
INPUT, OUTPUT = "input", "output"
# Two images and odd sizes: 0 and 1 would be taken for constants. No side is too small for networks of the field.
EXAMPLE = (2, 3, 71, 83)
AXES = {0: "batch", 2: "height", 3: "width"}


def export_onnx(generator: nn.Module, path: Path, metadata: Mapping[str, Any], *, half: bool) -> Exported:
    """Write one self-contained ``.onnx`` whose batch, height and width are free.

    With ``half``, weights, input and output are float16. The names are ``input`` and ``output``; the metadata
    stand in ``metadata_props`` under ``esrgan_train`` as JSON.
    """
    dtype = torch.float16 if half else torch.float32
    network = deepcopy(generator).to(dtype).eval()
    example = torch.zeros(EXAMPLE, dtype=dtype)
    program = torch.onnx.export(
        network,
        (example,),
        dynamo=True,
        dynamic_shapes=({axis: torch.export.Dim(name) for axis, name in AXES.items()},),
        input_names=[INPUT],
        output_names=[OUTPUT],
        opset_version=OPSET,
        verbose=False,
    )
    assert program is not None, "only the older exporter returns nothing"
    model = program.model_proto
    _forget_source(model.graph)
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(metadata))
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def run(lr: Batch) -> Batch:
        fed = lr.astype(np.float16 if half else np.float32)
        return np.asarray(session.run([OUTPUT], {INPUT: fed})[0], dtype=np.float32)

    return Exported(
        label="onnx fp16" if half else "onnx fp32",
        files=(path,),
        engine="onnxruntime",
        run=run,
        tolerance=FLOAT16_TOLERANCE if half else FLOAT32_TOLERANCE,
    )


def _forget_source(graph: onnx.GraphProto) -> None:
    """Drop what the exporter notes of the source code: lines of it, with paths of the maker's machine."""
    graph.ClearField("metadata_props")
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
