"""One set of files of a format, as a program wants it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Annotated, Literal

from annotated_types import Ge, Le

from esrgan_train.bounds import Count, check_fields
from esrgan_train.errors import UserError

FormatName = Literal["pth", "safetensors", "onnx", "ncnn"]  # the keys of ``formats.FORMATS``
Precision = Literal["float32", "float16"]
Rewrite = Literal["prelu", "pixel_shuffle"]  # the keys of ``rewriting.REWRITES``
Opset = Annotated[int, Ge(16), Le(23)]  # torch writes 18 to 23, and onnx's converter goes two lower

# Whatever is not named here has no effect in that format.
_WEIGHTS = {"format", "suffix"}
_NCNN = _WEIGHTS | {"weights", "input", "output", "clip", "rewrites", "operators", "metadata"}
_TAKEN = {
    "pth": _WEIGHTS,
    "safetensors": _WEIGHTS,
    "onnx": _NCNN - {"metadata"} | {"border", "opset", "batch", "size"},
    "ncnn": _NCNN,
}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is written of a network in one format; the defaults are those of most programs.

    Raises:
        UserError: a value is not what its field takes, or has no effect in that format.
    """

    format: FormatName
    suffix: str = ""  # of the file's name, before its ending
    weights: Precision = "float32"  # in ONNX, what is computed between the borders too
    border: Precision = "float32"  # of the numbers that go in and come out
    input: str = "input"
    output: str = "output"
    opset: Opset = 18  # torch's own; TensorRT takes it from 8.6 on, ONNX Runtime from 1.14 on
    batch: Count | None = None  # images at once; null: any number
    size: tuple[Count, Count] | None = None  # height and width of the input; null: any
    clip: bool = False  # the output to [0, 1]
    rewrites: tuple[Rewrite, ...] = ()  # operators made of simpler ones
    operators: tuple[str, ...] | None = None  # that the program has, in the format's words; null: all
    metadata: bool = True  # beside the files, where the format has no place for them

    def __post_init__(self) -> None:
        check_fields(self)
        for one in fields(self):
            if one.name not in _TAKEN[self.format] and getattr(self, one.name) != one.default:
                raise UserError(f"{one.name} has no effect in {self.format}: leave it out")

    def refuse_others(self, found: Iterable[str]) -> None:
        """``RuntimeError`` naming the operators in a file that the program does not have."""
        lacking = sorted(set(found) - set(self.operators)) if self.operators is not None else []
        if lacking:
            raise RuntimeError(f"the program has no {', '.join(lacking)}")

    @property
    def is_half(self) -> bool:
        """Whether float16 rounds anything."""
        return "float16" in (self.weights, self.border)

    @property
    def label(self) -> str:
        """What it is called in the table, such as ``onnx fp16``."""
        if self.format in ("pth", "safetensors"):
            return self.format
        return f"{self.format} {'fp16' if self.weights == 'float16' else 'fp32'}"


# Of ``--format`` without a target. Upscalers built on ncnn ask for the blob ``data``, and some of them turn
# numbers below 0 into white pixels (see docs/export.md), so the output is clipped.
DEFAULTS: dict[str, tuple[Variant, ...]] = {
    "pth": (Variant(format="pth"),),
    "safetensors": (Variant(format="safetensors"),),
    "onnx": (
        Variant(format="onnx"),
        Variant(format="onnx", suffix="_fp16", weights="float16", border="float16"),
    ),
    "ncnn": (Variant(format="ncnn", weights="float16", input="data", clip=True),),
}
