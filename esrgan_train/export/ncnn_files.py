"""ncnn's pair of ``.param`` and ``.bin``, made by pnnx and run by ncnn on the CPU."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
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
_MAGIC = "7767517"  # of a .param file
_INPUT, _OUTPUT = "data", "output"  # what upscalers built on ncnn ask for; pnnx says in0 and out0


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
    yield verify(
        Engine(param, weights), generator, label=label, files=files, engine="ncnn", half=half, batched=False
    )


def convert(generator: nn.Module, param: Path, weights: Path, *, half: bool) -> None:
    """Write a float32 network on the CPU as a pair of files, with ``half`` as float16."""
    trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace  # it has no types of its own
    traced = trace(generator, torch.zeros(_SHAPES[0]), check_trace=False)
    shapes = [f"inputshape{n}=[{','.join(map(str, s))}]" for n, s in zip(("", "2"), _SHAPES, strict=True)]
    with tempfile.TemporaryDirectory(prefix="pnnx", dir=param.parent) as folder:
        scratch = Path(folder)  # pnnx writes other files too
        traced.save(str(scratch / "traced.pt"))
        subprocess.run([pnnx.EXEC_PATH, "traced.pt", *shapes, f"fp16={int(half)}"], cwd=scratch, check=True)
        text = (scratch / "traced.ncnn.param").read_text()
        param.write_text(rename_blobs(text, {"in0": _INPUT, "out0": _OUTPUT}))
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


def rename_blobs(text: str, names: Mapping[str, str]) -> str:
    """Rename blobs (the values between layers), wherever they are written or read, and nothing else.

    A ``.param`` file is a magic number, two counts, and one line per layer: type, name, number of inputs, number
    of outputs, the inputs, the outputs, ``key=value`` entries. An Input layer has its blob's name, and is renamed
    too.

    Raises:
        ValueError: this is no ``.param`` file, a blob is not there, or a new name is taken.
    """
    lines = text.splitlines()
    if len(lines) < 3 or lines[0].strip() != _MAGIC:
        raise ValueError("no ncnn .param file")
    written: list[str] = []
    out = lines[:2]
    for line in lines[2:]:
        if not line.strip():
            continue
        kind, layer, inputs, outputs, *rest = line.split()
        first_output, end = int(inputs), int(inputs) + int(outputs)
        written += rest[first_output:end]
        blobs = [names.get(blob, blob) for blob in rest[:end]]
        layer = names.get(layer, layer) if kind == "Input" else layer
        out.append(" ".join([f"{kind:<24} {layer:<24} {inputs} {outputs}", *blobs, *rest[end:]]))
    for old, new in names.items():
        if written.count(old) != 1 or new in written:
            raise ValueError(f"blob {old} cannot be renamed to {new}: the network has {' '.join(written)}")
    return "\n".join(out) + "\n"
