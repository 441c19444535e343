"""ncnn's pair of ``.param`` and ``.bin``, made by pnnx and run by ncnn on the CPU."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ncnn
import numpy as np
import pnnx
import torch
from torch import nn

from esrgan_train.export.exported import FLOAT16_TOLERANCE, FLOAT32_TOLERANCE, Batch, Exported
from esrgan_train.export.ncnn_param import rename_blobs

# Two sizes that differ in both directions: what is equal in both would be taken for a constant. No side is too
# small for networks of the field.
SHAPES = ((1, 3, 64, 72), (1, 3, 84, 108))
INPUT, OUTPUT = "data", "output"  # what upscalers built on ncnn ask for; pnnx says in0 and out0


def export_ncnn(
    generator: nn.Module, stem: Path, metadata: Mapping[str, Any], scratch: Path, *, half: bool
) -> Exported:
    """Write ``stem``.param, ``stem``.bin and, since ncnn has no place for metadata, ``stem``.json.

    Args:
        generator: float32, on the CPU.
        stem: path without suffix.
        metadata: plain values for the JSON file.
        scratch: a folder for what pnnx writes besides.
        half: store the weights as float16, as ncnn's own models are.

    Raises:
        RuntimeError: pnnx failed or met an operation that ncnn lacks.
    """
    trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace  # it has no types of its own
    traced = trace(generator, torch.zeros(SHAPES[0]), check_trace=False)
    traced.save(str(scratch / "traced.pt"))
    shapes = [f"inputshape{n}=[{','.join(map(str, s))}]" for n, s in zip(("", "2"), SHAPES, strict=True)]
    subprocess.run([pnnx.EXEC_PATH, "traced.pt", *shapes, f"fp16={int(half)}"], cwd=scratch, check=True)
    param, weights, beside = (stem.with_name(stem.name + suffix) for suffix in (".param", ".bin", ".json"))
    text = (scratch / "traced.ncnn.param").read_text()
    param.write_text(rename_blobs(text, {"in0": INPUT, "out0": OUTPUT}))
    weights.write_bytes((scratch / "traced.ncnn.bin").read_bytes())
    beside.write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
    return Exported(
        label="ncnn fp16" if half else "ncnn fp32",
        files=(param, weights, beside),
        engine="ncnn",
        run=_Engine(param, weights),
        tolerance=FLOAT16_TOLERANCE if half else FLOAT32_TOLERANCE,
        batched=False,
    )


class _Engine:
    """ncnn on the CPU, with float32 arithmetic; of the file's precision only the weights remain."""

    def __init__(self, param: Path, weights: Path) -> None:
        self.net = ncnn.Net()
        for option in ("use_vulkan_compute", "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(self.net.opt, option, False)
        if self.net.load_param(str(param)) or self.net.load_model(str(weights)):
            raise RuntimeError("ncnn cannot load the converted network: it has an operation that ncnn lacks")

    def __call__(self, lr: Batch) -> Batch:
        outputs = []
        for image in lr:  # [3HW]; ncnn takes one at a time
            extractor = self.net.create_extractor()
            # A Mat made of an array does not keep it alive: the array has a name until ncnn has copied it.
            contiguous = np.ascontiguousarray(image)
            if extractor.input(INPUT, ncnn.Mat(contiguous).clone()):
                raise RuntimeError(f"ncnn finds no blob {INPUT!r} in the converted network")
            status, sr = extractor.extract(OUTPUT)
            if status:
                raise RuntimeError("ncnn cannot run the converted network")
            outputs.append(np.array(sr))
        return np.stack(outputs)
