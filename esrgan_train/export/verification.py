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

from esrgan_train.export.variants import Variant
from esrgan_train.images.colour import luma
from esrgan_train.images.decode import to_float
from esrgan_train.inference.geometry import channels_seen
from esrgan_train.inference.reach import MULTIPLES, noise
from esrgan_train.inference.reach import run as run_once

Batch = NDArray[np.float32]  # (B, 3, h, w) RGB in [0,1], or (B, 1, h, w)
Run = Callable[[Batch], Batch]  # (B, C, h, w) → (B, C, h·s, w·s)

# Of an output in [0,1], or of the largest value where an untrained network goes beyond. Float32 engines add in
# another order; float16 rounds each weight to 11 bits, which changes the output of a trained network by a small
# part of an 8-bit level.
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
    difference: float  # the largest of all pictures, as a part of the largest value if that is above 1

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
    clip: bool = False,
    batch: int | None = None,
    size: tuple[int, int] | None = None,
) -> Verdict:
    """Run files, whose numbers are float16 if ``half``, on pictures, and compare them with the generator.

    The pictures are photographs, two of them at once, and the smallest one that the generator takes. Files for one
    number of images or one size, in pixels, get photographs of that alone. With ``clip`` the generator's output is
    clipped to [0, 1] before it is compared.
    """
    channels, reference = channels_seen(generator), runner(generator)
    pictures = _photos(channels)
    if size is None:
        pictures = (*pictures, smallest_picture(generator, channels))
    else:
        pictures = tuple(_resized(picture, size) for picture in pictures)
    if batch is None:
        pictures = (*pictures, np.concatenate([pictures[0], pictures[0][..., ::-1]]))
    else:
        pictures = tuple(np.repeat(picture, batch, axis=0) for picture in pictures)
    return Verdict(
        label=label,
        files=files,
        size=sum(path.stat().st_size for path in files),
        engine=engine,
        tolerance=_FLOAT16_TOLERANCE if half else _FLOAT32_TOLERANCE,
        difference=max(_difference(run(lr), reference(lr), clip=clip) for lr in pictures),
    )


def verify_variant(
    run: Run, generator: nn.Module, variant: Variant, *, files: tuple[Path, ...], engine: str
) -> Verdict:
    """``verify`` of files that hold the generator as a variant wants it: clipped, or of one size alone."""
    return verify(
        run,
        generator,
        label=variant.label,
        files=files,
        engine=engine,
        half=variant.is_half,
        clip=variant.clip,
        batch=variant.batch,
        size=variant.size,
    )


def smallest_picture(generator: nn.Module, channels: int) -> Batch:
    """The smallest square picture of those whose sides are powers of two that a network takes."""
    for side in MULTIPLES:
        lr = noise(side, side, channels)
        try:
            with torch.inference_mode():
                run_once(generator, lr)
        except ValueError:
            continue
        smallest: Batch = lr.numpy()
        return smallest
    return _photos(channels)[0]


def runner(network: nn.Module) -> Run:
    """A network as a function of arrays."""

    def run(lr: Batch) -> Batch:
        with torch.inference_mode():
            sr: Batch = network(torch.from_numpy(lr.copy())).numpy()
        return sr

    return run


def _resized(picture: Batch, size: tuple[int, int]) -> Batch:
    """A picture cut, or continued by its mirror images, to a height and width."""
    missing = [max(0, wanted - given) for wanted, given in zip(size, picture.shape[2:], strict=True)]
    whole = np.pad(picture, ((0, 0), (0, 0), *((0, pixels) for pixels in missing)), mode="symmetric")
    return np.ascontiguousarray(whole[..., : size[0], : size[1]])


def largest_difference(one: Batch, other: Batch) -> float:
    """The largest absolute difference; infinite if the shapes differ or a number is not finite."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())


def _difference(got: Batch, expected: Batch, *, clip: bool) -> float:
    wanted = expected.clip(0, 1) if clip else expected
    return largest_difference(got, wanted) / max(1.0, float(np.abs(expected).max()))


@functools.cache
def _photos(channels: int) -> tuple[Batch, ...]:
    """Windows of photographs inside scikit-image, each (1, channels, h, w)."""
    photos = (to_float(getattr(skimage.data, name)()[place]) for name, place in _WINDOWS.items())
    planes = tuple(np.ascontiguousarray(photo.transpose(2, 0, 1)[None]) for photo in photos)
    return planes if channels == 3 else tuple(luma(*np.split(photo, 3, axis=1)) for photo in planes)
