"""The comparison of an exported file with the network it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from esrgan_train.export.exported import Batch, Exported, Run


class Verdict(NamedTuple):
    """How far an exported file is from PyTorch.

    Attributes:
        exported: what was run.
        difference: the largest, over all pixels of all photos; infinite where sizes or numbers are wrong.
    """

    exported: Exported
    difference: float

    @property
    def passed(self) -> bool:
        """Whether the file may be kept."""
        return self.difference <= self.exported.tolerance


def verify(exported: Exported, reference: Run, photos: Sequence[Batch]) -> Verdict:
    """Run the file on every photo and, where the format takes batches, on two images at once."""
    batches = list(photos)
    if exported.batched:
        batches.append(np.concatenate([photos[0], photos[0][..., ::-1]]))
    return Verdict(exported, max(largest_difference(exported.run(lr), reference(lr)) for lr in batches))


def largest_difference(one: Batch, other: Batch) -> float:
    """The largest absolute difference; infinite if the shapes differ or a number is not finite."""
    if one.shape != other.shape or not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("inf")
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())
