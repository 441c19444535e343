"""ncnn's pair of ``.param`` and ``.bin``, made by pnnx and run by ncnn on the CPU."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import ncnn
import numpy as np
import pnnx
import torch
from torch import nn

from esrgan_train.export.formats import Request
from esrgan_train.export.verification import Batch, Verdict, verify

# Two sizes that differ in both directions: what is equal in both would be taken for a constant. No side is too
# small for networks of the field.
_SHAPES = ((1, 3, 64, 72), (1, 3, 84, 108))
_INPUT, _OUTPUT = "data", "output"  # what upscalers built on ncnn ask for


def write(generator: nn.Module, request: Request) -> Iterator[Verdict]:
    """Write and run ``.param``, ``.bin`` and, since ncnn has no place for metadata, ``.json``.

    Raises:
        RuntimeError: pnnx failed or met an operation that ncnn lacks.
    """
    half = not request.fp32  # of the weights, as in ncnn's own models
    param, weights, beside = (request.file(suffix) for suffix in (".param", ".bin", ".json"))
    convert(generator, param, weights, half=half)
    beside.write_text(json.dumps(request.metadata, indent=2) + "\n", encoding="utf-8")
    files, label = (param, weights, beside), "ncnn fp16" if half else "ncnn fp32"
    yield verify(Engine(param, weights), generator, label=label, files=files, engine="ncnn", half=half)


def convert(generator: nn.Module, param: Path, weights: Path, *, half: bool) -> None:
    """Write a float32 network on the CPU as a pair of files, with ``half`` as float16."""
    trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace  # it has no types of its own
    traced = trace(generator, torch.zeros(_SHAPES[0]), check_trace=False)
    shapes = [f"inputshape{n}=[{','.join(map(str, s))}]" for n, s in zip(("", "2"), _SHAPES, strict=True)]
    with tempfile.TemporaryDirectory(prefix="pnnx", dir=param.parent) as folder:
        scratch = Path(folder)  # pnnx writes other files too
        traced.save(str(scratch / "traced.pt"))
        subprocess.run([pnnx.EXEC_PATH, "traced.pt", *shapes, f"fp16={int(half)}"], cwd=scratch, check=True)
        text = (scratch / "traced.ncnn.param").read_text()  # columns of names, in which pnnx says in0 and out0
        for old, new in (("in0", _INPUT), ("out0", _OUTPUT)):
            text = re.sub(rf"(?<=\s){old}(?=\s)", new, text)
        param.write_text(text)
        weights.write_bytes((scratch / "traced.ncnn.bin").read_bytes())


class Engine:
    """ncnn on the CPU, with float32 arithmetic; of the file's precision only the weights remain."""

    def __init__(self, param: Path, weights: Path) -> None:
        self.net = ncnn.Net()
        for option in ("use_vulkan_compute", "use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(self.net.opt, option, False)
        if self.net.load_param(str(param)) or self.net.load_model(str(weights)):
            raise RuntimeError("ncnn cannot load the converted network: it has an operation that ncnn lacks")

    def __call__(self, lr: Batch) -> Batch:
        """Enlarge a batch."""
        outputs = []
        for image in lr:  # [3HW]; ncnn takes one at a time
            extractor = self.net.create_extractor()
            # A Mat made of an array does not keep it alive: the array has a name until ncnn has copied it.
            contiguous = np.ascontiguousarray(image)
            if extractor.input(_INPUT, ncnn.Mat(contiguous).clone()):
                raise RuntimeError(f"ncnn finds no blob {_INPUT!r} in the converted network")
            status, sr = extractor.extract(_OUTPUT)
            if status:
                raise RuntimeError("ncnn cannot run the converted network")
            outputs.append(np.array(sr))
        return np.stack(outputs)
