"""Which images of a batch are rendered at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from esrgan_train.degradation.drawing import Place

# What is worked on at once. An image takes about thirteen times the bytes of its largest canvas, and most of them
# for noise.
_MOST_BYTES = 2**29
_COPIES = 13
_PIXEL = 3 * 4  # bytes: three channels of float32


class Part(NamedTuple):
    """Images that are rendered at once."""

    images: list[int]  # their places in the batch
    places: tuple[Place, ...]  # of their drawings, with the room that these images take


def in_parts(enlarges: Sequence[bool], rooms: Mapping[bool, tuple[Place, ...]]) -> list[Part]:
    """All images, those that are enlarged on the way and those that are not apart, in parts of much the same size.

    Args:
        enlarges: of each image, whether it ever has more rows or columns than in the beginning.
        rooms: the places of those that are enlarged, and of those that are not, see ``room``.
    """
    parts = []
    for kind, places in rooms.items():
        images = [number for number, enlarged in enumerate(enlarges) if bool(enlarged) == kind]
        largest = max(_PIXEL * place.height * place.width for place in places)
        count = -(-len(images) // max(1, _MOST_BYTES // (_COPIES * largest)))
        parts += [Part(images[number::count], places) for number in range(count)]
    return parts


def room(places: Sequence[Place], size: tuple[int, int]) -> tuple[Place, ...]:
    """The same places for drawings that never enlarge an image beyond ``size``."""
    return tuple(replace(p, height=min(p.height, size[0]), width=min(p.width, size[1])) for p in places)
