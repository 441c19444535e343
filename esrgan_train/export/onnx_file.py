"""ONNX, run by ONNX Runtime: float32, and float16 for engines with fast half precision."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from esrgan_train.archs.folding import fold
from esrgan_train.export.formats import Request
from esrgan_train.export.rewriting import FOR_ONNX
from esrgan_train.export.variants import Variant
from esrgan_train.export.verification import Batch, Run, Verdict, verify_variant
from esrgan_train.export.wrapping import dtype_of, wrapped
from esrgan_train.inference.geometry import channels_seen
from esrgan_train.modelfiles.weights import METADATA_KEY

# Two images and odd sizes: 0 and 1 would be taken for constants. No side is too small for networks of the field.
_IMAGES, _SIZE = 2, (71, 83)
_AXES = {0: "batch", 2: "height", 3: "width"}


def write(generator: nn.Module, request: Request) -> Iterator[Verdict]:
    """Write and run each variant, float16 among them.

    Raises:
        RuntimeError: the network cannot be written in the opset that is wanted.
    """
    folded = fold(generator)
    for variant in request.variants:
        path = request.file(f"{variant.suffix}.onnx")
        export_onnx(folded, path, request.metadata, variant)
        yield verify_variant(session_runner(path), generator, variant, files=(path,), engine="onnxruntime")


def export_onnx(generator: nn.Module, path: Path, metadata: Mapping[str, Any], variant: Variant) -> None:
    """Write one self-contained ``.onnx``; batch, height and width are free unless the variant fixes them.

    The metadata are JSON in ``metadata_props``, under ``esrgan_train``.
    """
    fixed = {0: variant.batch} | dict(zip((2, 3), variant.size or (None, None), strict=True))
    shown = {0: _IMAGES} | dict(zip((2, 3), _SIZE, strict=True))
    shape = {axis: fixed[axis] or shown[axis] for axis in _AXES}
    program = torch.onnx.export(
        wrapped(generator, variant, FOR_ONNX),
        (torch.zeros(shape[0], channels_seen(generator), shape[2], shape[3], dtype=dtype_of(variant.border)),),
        dynamo=True,
        dynamic_shapes=({axis: torch.export.Dim(name) for axis, name in _AXES.items() if fixed[axis] is None},),
        input_names=[variant.input],
        output_names=[variant.output],
        opset_version=variant.opset,
        verbose=False,
    )
    assert program is not None, "only the older exporter returns nothing"
    model = program.model_proto
    if (written := model.opset_import[0].version) != variant.opset:
        raise RuntimeError(f"opset {variant.opset} lacks what it needs: it takes {written} or later")
    variant.refuse_others(node.op_type for node in model.graph.node)
    _forget_source(model.graph)
    model.metadata_props.add(key=METADATA_KEY, value=json.dumps(metadata))
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, path)


def session_runner(path: Path) -> Run:
    """A file as a function of float32 arrays, run by ONNX Runtime on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone; they are raised too
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    number = np.float16 if taken.type == "tensor(float16)" else np.float32

    def run(lr: Batch) -> Batch:
        (sr,) = session.run(None, {taken.name: np.ascontiguousarray(lr, dtype=number)})
        enlarged: Batch = np.asarray(sr, dtype=np.float32)
        return enlarged

    return run


def _forget_source(graph: onnx.GraphProto) -> None:
    """Drop what the exporter notes of the source code: lines of it, with paths of the author's machine."""
    graph.ClearField("metadata_props")
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
