"""What every format's writer returns, and the numbers by which its files are judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.float32]  # (B, 3, h, w) RGB in [0,1]
Run = Callable[[Batch], Batch]  # (B, 3, h, w) → (B, 3, h·s, w·s)

# Of an output in [0,1]. Float32 engines add in another order; float16 rounds each weight to 11 bits, which a
# trained network answers with a small part of an 8-bit level.
FLOAT32_TOLERANCE = 1e-4
FLOAT16_TOLERANCE = 1 / 255


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One model in one format.

    Attributes:
        label: what the table calls it, such as ``onnx fp16``.
        files: what was written.
        engine: the program that runs the files here.
        run: the written files, as that program computes them.
        tolerance: largest difference from PyTorch with which they are kept.
        batched: whether the format takes several images at once.
    size: of the files together, in bytes.
    """

    label: str
    files: tuple[Path, ...]
    engine: str
    run: Run
    tolerance: float
    batched: bool = True
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", sum(path.stat().st_size for path in self.files))
