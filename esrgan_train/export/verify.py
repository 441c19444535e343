"""The comparison of an exported file with the network it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from esrgan_train.export.exported import Batch, Exported, Run


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How far an exported file is from PyTorch; plain values, which pass from process to process.

    Attributes:
        label: what the table calls it, such as ``onnx fp16``.
        files: what was written.
        size: of the files together, in bytes.
        engine: the program that ran them.
        tolerance: largest difference with which they are kept.
        difference: the largest, over all pixels of all photos; infinite where sizes or numbers are wrong.
    """

    label: str
    files: tuple[Path, ...]
    size: int
    engine: str
    tolerance: float
    difference: float

    @property
    def passed(self) -> bool:
        """Whether the files may be kept."""
        return self.difference <= self.tolerance


def verify(exported: Exported, reference: Run, photos: Sequence[Batch]) -> Verdict:
    """Run the file on every photo and, where the format takes batches, on two images at once."""
    batches = list(photos)
    if exported.batched:
        batches.append(np.concatenate([photos[0], photos[0][..., ::-1]]))
    return Verdict(
        label=exported.label,
        files=exported.files,
        size=exported.size,
        engine=exported.engine,
        tolerance=exported.tolerance,
        difference=max(largest_difference(exported.run(lr), reference(lr)) for lr in batches),
    )


def largest_difference(one: Batch, other: Batch) -> float:
    """The largest absolute difference; infinite if the shapes differ or a number is not finite."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())
