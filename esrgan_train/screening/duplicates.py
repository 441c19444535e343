"""Pictures that resemble each other, by their fingerprints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# Of 256. Measured by ``python -m tests.screening_thresholds`` on 67 photos: the same photo as JPEG 50, at a
# quarter of its size, brighter, with noise of σ 10 or 1 % narrower differs by at most 36. At most 64 differ for 61
# of those cut by 3 % on all sides, and for 37 of those shifted by 2 %. Of 2,211 pairs of different photos none is
# below 76, and most are near 128. Mirrored photos count as different.
MOST_DIFFERENT_BITS = 64
_BLOCK = 512  # fingerprints compared at once


@dataclass(frozen=True)
class Match:
    """Picture ``index`` resembles ``earlier``: ``bits`` of their fingerprints differ."""

    index: int
    earlier: int
    bits: int


def near_duplicates(fingerprints: Sequence[str], *, most: int = MOST_DIFFERENT_BITS) -> list[Match]:
    """For each picture that resembles an earlier one, the nearest earlier one; the first of several.

    Empty fingerprints, those of blank pictures, resemble nothing. Every pair is compared, which takes
    a core 0.3 s for 10,000 pictures and 25 s for 100,000.
    """
    places, hashes = _parsed(fingerprints)
    matches = []
    for start in range(0, len(hashes), _BLOCK):
        block = hashes[start : start + _BLOCK]
        nearest, distance = _nearest(block, hashes[:start])
        for row in range(1, len(block)):
            inside, bits = _nearest(block[row : row + 1], block[:row])
            if bits[0] < distance[row]:
                nearest[row], distance[row] = start + inside[0], bits[0]
        matches += _matches(places[start:], places, nearest, distance, most)
    return matches


def matches_between(
    fingerprints: Sequence[str], others: Sequence[str], *, most: int = MOST_DIFFERENT_BITS
) -> list[Match]:
    """For each picture that resembles one of ``others``, the nearest of them; ``earlier`` counts in ``others``."""
    places, hashes = _parsed(fingerprints)
    other_places, other_hashes = _parsed(others)
    matches = []
    for start in range(0, len(hashes), _BLOCK):
        nearest, distance = _nearest(hashes[start : start + _BLOCK], other_hashes)
        matches += _matches(places[start:], other_places, nearest, distance, most)
    return matches


def _parsed(fingerprints: Sequence[str]) -> tuple[list[int], NDArray[np.uint8]]:
    """Places of those that are not empty, and their bits as (N, bytes)."""
    places = [place for place, text in enumerate(fingerprints) if text]
    joined = bytes.fromhex("".join(fingerprints[place] for place in places))
    return places, np.frombuffer(joined, np.uint8).reshape(len(places), -1 if places else 1)


def _nearest(some: NDArray[np.uint8], others: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Place and distance in bits of the nearest of ``others`` for each of ``some``; -1 and a large one of none."""
    if not len(others):
        return np.full(len(some), -1, np.int32), np.full(len(some), np.iinfo(np.int32).max, np.int32)
    distance, place = cv2.batchDistance(some, others, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=1)
    return place.ravel().astype(np.int32), distance.ravel().astype(np.int32)


def _matches(
    places: list[int], others: list[int], nearest: NDArray[np.int32], distance: NDArray[np.int32], most: int
) -> list[Match]:
    near = np.flatnonzero(distance <= most)
    return [Match(places[row], others[nearest[row]], int(distance[row])) for row in near]
