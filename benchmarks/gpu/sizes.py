"""How much of everything the kit does."""

from __future__ import annotations

from dataclasses import dataclass

SECONDS = 470.0  # for all parts together, on a GPU
CPU_SECONDS = 1800.0  # nobody pays for a CPU by the minute, and other work may have its cores


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """``FULL`` takes eight minutes of a GPU at most, ``QUICK`` a minute or two of a CPU."""

    photo_size: tuple[int, int] = (2040, 1356)  # width and height of the photographs trained on
    photos: int = 8
    gt_size: int = 256  # as published
    batch_size: int = 12
    num_feat: int = 64  # of the generator
    num_conv: int = 16
    discriminator_feat: int = 64
    warm_up: tuple[float, int] = (4.0, 20)  # seconds and iterations before the clock starts, at least
    timed: tuple[float, int] = (5.0, 20)  # the same while it runs
    counted: int = 20  # iterations in which host synchronisations are counted
    num_workers: int | None = None  # of the loaders; None for the default
    pictures: tuple[tuple[int, int], ...] = ((480, 360), (1920, 1080))  # that are enlarged
    repeats: int = 10  # of what takes milliseconds


FULL = Sizes()
QUICK = Sizes(
    photo_size=(640, 480),
    photos=4,
    gt_size=64,
    batch_size=2,
    num_feat=8,
    num_conv=2,
    discriminator_feat=8,
    warm_up=(0.0, 2),
    timed=(0.0, 3),
    counted=2,
    num_workers=1,
    pictures=((160, 120), (192, 108)),
    repeats=2,
)
