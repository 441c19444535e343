"""Which photos are held out for validation, where the user has not put some aside."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt
from numpy.typing import NDArray

from esrgan_train.bounds import Wanted
from esrgan_train.data.sources import Source

HeldOutShare = Annotated[float, Gt(0), Lt(1), Wanted("such as 0.05")]
Indices = NDArray[np.int64]

_HASH_BYTES = 8


def hold_out(
    sources: Sequence[Source], *, val_fraction: float, max_val_photos: int
) -> list[tuple[Indices, list[int]]]:
    """For each folder the indices of the photos to train on and of those to hold out, both rising.

    A photo is held out if the hash of its relative path falls into the first ``val_fraction`` of all hashes. So
    each photo decides for itself, and adding photos moves none from one side to the other, except where the
    limits bind: at least one and at most ``max_val_photos`` are held out, those of the smallest hashes, and each
    folder keeps at least one, that of the largest. Tiles of one photo go to one side. None is held out if no
    folder holds two photos.
    """
    hashes = [_hashes(source) for source in sources]
    candidates = sorted(
        (int(smallest), folder)
        for folder, each in enumerate(hashes)
        for smallest in np.unique(each)[:-1][:max_val_photos]
    )
    threshold = int(val_fraction * 2 ** (8 * _HASH_BYTES))
    below = [candidate for candidate in candidates if candidate[0] < threshold]
    chosen = (below or candidates[:1])[:max_val_photos]
    sides = []
    for folder, each in enumerate(hashes):
        of_folder = np.array([value for value, owner in chosen if owner == folder], dtype=np.uint64)
        held_out = np.isin(each, of_folder)
        sides.append((np.flatnonzero(~held_out), np.flatnonzero(held_out).tolist()))
    return sides


def _hashes(source: Source) -> NDArray[np.uint64]:
    digests = b"".join(blake2b(raw, digest_size=_HASH_BYTES).digest() for raw in source.raw_photos())
    return np.frombuffer(digests, dtype=">u8").astype(np.uint64)
