"""Rows: degrading an image on one core; and the photographs that other rows take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import peer
from benchmarks.one_core import NOTE, milliseconds
from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from esrgan_train.data.sample_photos import sample_photos
from esrgan_train.degradation import RealESRGANDegradation, usm_sharpen
from esrgan_train.images.decode import Picture, to_float

Image = NDArray[np.float32]

_DEGRADE_FASTER = 50


def degradation_rows(sizes: Sizes) -> list[Row]:
    """The ×4 degradation of one square image, alone and after USM sharpening as published.

    Both sides draw from the same distribution, not the same numbers.
    """
    photo = to_float(_photo())
    hr = np.ascontiguousarray(photo[: sizes.window, : sizes.window])
    degrade = RealESRGANDegradation(upscale=4)
    rng = np.random.default_rng(0)
    plain: dict[str, Callable[[], Image]] = {"ours": lambda: degrade(hr, rng)}
    sharpened: dict[str, Callable[[], Image]] = {"ours": lambda: degrade(usm_sharpen(hr), rng)}
    if not peer.missing():
        sharpen = peer.sharpener()
        from benchmarks.published_degradation import degrade_published, seed_published

        def sharpen_and_degrade() -> Image:
            with torch.no_grad():
                sharp = sharpen(torch.from_numpy(hr).permute(2, 0, 1)[None].contiguous())
            return degrade_published(sharp[0].permute(1, 2, 0).contiguous().numpy())

        seed_published(0)
        plain["peer"] = lambda: degrade_published(hr)
        sharpened["peer"] = sharpen_and_degrade
    name = f"degradation of a {sizes.window} × {sizes.window} image, one core"
    return [
        _row("degradation", name, plain, sizes),
        _row("usm_degradation", f"USM and {name}", sharpened, sizes),
    ]


def large_photo(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """A photograph enlarged to (width, height), with the fine noise that real ones of that size have."""
    enlarged = cv2.resize(_photo(), size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noise = np.random.default_rng(seed).normal(0, 2, enlarged.shape)
    picture: NDArray[np.uint8] = (enlarged + noise).round().clip(0, 255).astype(np.uint8)
    return picture


def _photo() -> Picture:
    """The largest photograph of data=sample by file size: one rich in detail."""
    photos = sample_photos().training
    return photos.decode(max(range(len(photos)), key=photos.file_size)).hr


def _row(key: str, name: str, sides: dict[str, Callable[[], Any]], sizes: Sizes) -> Row:
    found = milliseconds(sides, sizes)
    return Row(
        key=key,
        name=name,
        sizes={"side": sizes.window},
        unit="ms",
        ours=found["ours"],
        peer=found.get("peer"),
        rounds=sizes.image_rounds,
        goal=Goal("speedup", _DEGRADE_FASTER),
        note=NOTE,
    )
