"""The comparison of a written file with the network it was made from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray
from torch import nn

from esrgan_train.images.decode import to_float

Batch = NDArray[np.float32]  # (B, 3, h, w) RGB in [0,1]
Run = Callable[[Batch], Batch]  # (B, 3, h, w) → (B, 3, h·s, w·s)

# Of an output in [0,1]. Float32 engines add in another order; float16 rounds each weight to 11 bits, which changes
# the output of a trained network by a small part of an 8-bit level.
_FLOAT32_TOLERANCE, _FLOAT16_TOLERANCE = 1e-4, 1 / 255

# Rows and columns: of sizes that no engine favours, that no exporter was shown, and that are not below the 64
# pixels that networks of the field may need.
_WINDOWS = {
    "astronaut": np.s_[60:129, 170:237],
    "chelsea": np.s_[80:145, 120:210],
    "coffee": np.s_[100:178, 200:265],
    "rocket": np.s_[150:217, 250:323],
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How far written files are from PyTorch; plain values, which pass from process to process."""

    label: str  # in the table, such as "onnx fp16"
    files: tuple[Path, ...]
    size: int  # of the files together, in bytes
    engine: str  # the program that ran them
    tolerance: float  # the largest difference with which they are kept
    difference: float  # the largest of all photos

    @property
    def passed(self) -> bool:
        """Whether the files may be kept."""
        return self.difference <= self.tolerance


def verify(
    run: Run,
    generator: nn.Module,
    *,
    label: str,
    files: tuple[Path, ...],
    engine: str,
    half: bool = False,
) -> Verdict:
    """Run files, whose weights are float16 if ``half``, on photographs and on two of them at once."""
    photos, reference = _photos(), runner(generator)
    two = np.concatenate([photos[0], photos[0][..., ::-1]])
    return Verdict(
        label=label,
        files=files,
        size=sum(path.stat().st_size for path in files),
        engine=engine,
        tolerance=_FLOAT16_TOLERANCE if half else _FLOAT32_TOLERANCE,
        difference=max(largest_difference(run(lr), reference(lr)) for lr in (*photos, two)),
    )


def runner(network: nn.Module) -> Run:
    """A network as a function of arrays."""

    def run(lr: Batch) -> Batch:
        with torch.inference_mode():
            sr: Batch = network(torch.from_numpy(lr.copy())).numpy()
        return sr

    return run


def largest_difference(one: Batch, other: Batch) -> float:
    """The largest absolute difference; infinite if the shapes differ or a number is not finite."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())


@functools.cache
def _photos() -> tuple[Batch, ...]:
    """Windows of photographs inside scikit-image, each (1, 3, h, w)."""
    photos = (to_float(getattr(skimage.data, name)()[place]) for name, place in _WINDOWS.items())
    return tuple(np.ascontiguousarray(photo.transpose(2, 0, 1)[None]) for photo in photos)
