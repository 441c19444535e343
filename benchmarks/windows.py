"""Rows: cutting the window of a sample out of a large photo that is decoded already, at each scale; one core."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image as Pillow

from benchmarks.one_core import PER_TURN, milliseconds
from benchmarks.pictures import Image, large_photo
from benchmarks.row import Row
from benchmarks.samples import photos_of, scales
from benchmarks.sizes import Sizes
from esrgan_train.data.sources import Decoded
from esrgan_train.data.window import Window, cut_window
from esrgan_train.images.decode import Picture, to_float
from esrgan_train.images.scaling import scaled_size

_NOTE = f"mean of {PER_TURN} per repeat"


def window_rows(sizes: Sizes) -> list[Row]:
    """A random window of an 8-bit photo, from memory and from a packed set, at each scale of ``data=folder``."""
    photo = large_photo(sizes.scaled_size)
    side = Window(sizes.sample_gt_size, upscale=4).side
    with photos_of(photo) as (_, _, packed):
        return [row for scale in scales() for row in _rows(Decoded(photo), packed.decode(0), scale, side, sizes)]


def _rows(photo: Decoded, packed: Decoded, scale: float, side: int, sizes: Sizes) -> list[Row]:
    cut = partial(cut_window, side=side, scale=scale, rng=np.random.default_rng(0))
    sides: dict[str, Callable[[], Image]] = {
        "ours": lambda: to_float(cut(photo)),
        "packed": lambda: to_float(cut(packed)),
        "whole": partial(from_the_whole, photo.hr, side, scale, np.random.default_rng(0)),
    }
    found = milliseconds(sides, sizes, once=())
    (width, height), percent = sizes.scaled_size, round(100 * scale)
    name = f"a {side} × {side} window of a {width} × {height} photo at scale {scale:.3g}"
    unpacked = Row(
        key=f"window_{percent}",
        name=f"{name}, one core",
        sizes={"side": side, "width": width, "height": height},
        unit="ms",
        ours=found["ours"],
        peer=found["whole"],
        peer_name="window by way of the whole photo, except at scale 1",
        rounds=sizes.image_rounds,
        note=_NOTE,
    )
    from_set = Row(
        key=f"packed_window_{percent}",
        name=f"{name}, packed, one core",
        sizes=unpacked.sizes,
        unit="ms",
        ours=found["packed"],
        peer=found["ours"],
        peer_name="same window of a photo in memory",
        rounds=sizes.image_rounds,
        note=_NOTE,
    )
    return [unpacked, from_set]


def from_the_whole(photo: Picture, side: int, scale: float, rng: np.random.Generator) -> Image:
    """A random window; below scale 1 by way of an image of the whole photo, of which Pillow resizes a box.

    Shape:
        photo (H, W, 3) uint8 → (side, side, 3) in [0,1]; H and W hold a window.
    """
    height, width = scaled_size((photo.shape[0], photo.shape[1]), scale)
    top, left = (int(rng.integers(max(0, free) + 1)) for free in (height - side, width - side))
    per_y, per_x = photo.shape[0] / height, photo.shape[1] / width
    bottom, right = min(height, top + side), min(width, left + side)
    if scale == 1:
        return to_float(photo[top:bottom, left:right])
    box = (left * per_x, top * per_y, right * per_x, bottom * per_y)
    shape = (right - left, bottom - top)
    return to_float(np.asarray(Pillow.fromarray(photo).resize(shape, Pillow.Resampling.LANCZOS, box=box)))
