"""ncnn's pair of ``.param`` and ``.bin``, made by pnnx and run by ncnn on the CPU."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import ncnn
import numpy as np
import pnnx
import torch
from torch import nn

from esrgan_train.archs.folding import fold
from esrgan_train.export.apart import how_it_ended
from esrgan_train.export.formats import Request
from esrgan_train.export.rewriting import FOR_NCNN
from esrgan_train.export.variants import Variant
from esrgan_train.export.verification import Batch, Verdict, verify_variant
from esrgan_train.export.wrapping import wrapped
from esrgan_train.inference.geometry import channels_seen

# Two sizes that differ in both directions: what is equal in both would be taken for a constant. No side is too
# small for networks of the field.
_SIZES = ((64, 72), (84, 108))


def write(generator: nn.Module, request: Request) -> Iterator[Verdict]:
    """Write and run ``.param``, ``.bin`` and, since ncnn has no place for metadata, ``.json`` if it is wanted.

    Raises:
        RuntimeError: pnnx failed or met an operation that ncnn lacks.
    """
    folded = fold(generator)
    for variant in request.variants:
        param, weights, beside = (request.file(f"{variant.suffix}{end}") for end in (".param", ".bin", ".json"))
        convert(folded, param, weights, variant)
        files: tuple[Path, ...] = (param, weights)
        if variant.metadata:
            beside.write_text(json.dumps(request.metadata, indent=2) + "\n", encoding="utf-8")
            files = (*files, beside)
        yield verify_variant(Engine(param, weights, variant), generator, variant, files=files, engine="ncnn")


def convert(generator: nn.Module, param: Path, weights: Path, variant: Variant) -> None:
    """Write a float32 network on the CPU as a pair of files; pnnx makes the weights float16."""
    network = wrapped(generator, replace(variant, weights="float32"), FOR_NCNN)
    trace: Callable[..., torch.jit.ScriptModule] = torch.jit.trace  # it has no types of its own
    inputs = [(1, channels_seen(generator), *size) for size in _SIZES]
    traced = trace(network, torch.zeros(inputs[0]), check_trace=False)
    shapes = [f"inputshape{n}=[{','.join(map(str, s))}]" for n, s in zip(("", "2"), inputs, strict=True)]
    with tempfile.TemporaryDirectory(prefix="pnnx", dir=param.parent) as folder:
        scratch = Path(folder)  # pnnx writes other files too
        traced.save(str(scratch / "traced.pt"))
        command = [pnnx.EXEC_PATH, "traced.pt", *shapes, f"fp16={int(variant.is_half)}"]
        if status := subprocess.run(command, cwd=scratch, check=False).returncode:
            raise RuntimeError(f"pnnx {how_it_ended(status)}")
        text = (scratch / "traced.ncnn.param").read_text(encoding="utf-8")  # columns; pnnx says in0 and out0
        variant.refuse_others(line.split()[0] for line in text.splitlines()[2:])  # after the mark and the counts
        for old, new in (("in0", variant.input), ("out0", variant.output)):
            text = re.sub(rf"(?<=\s){old}(?=\s)", new, text)
        param.write_text(text, encoding="utf-8", newline="\n")
        weights.write_bytes((scratch / "traced.ncnn.bin").read_bytes())


class Engine:
    """ncnn on the CPU, with float32 arithmetic; of the file's precision only the weights remain."""

    def __init__(self, param: Path, weights: Path, variant: Variant) -> None:
        self.net, self.input, self.output = ncnn.Net(), variant.input, variant.output
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
            if extractor.input(self.input, ncnn.Mat(contiguous).clone()):
                raise RuntimeError(f"ncnn finds no blob {self.input!r} in the converted network")
            status, sr = extractor.extract(self.output)
            if status:
                raise RuntimeError("ncnn cannot run the converted network")
            outputs.append(np.array(sr))
        return np.stack(outputs)
