"""What both trainers of the race get alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Course:
    """The smallest common network at ×2, its crops and its time."""

    seconds: float  # of training
    every: float  # seconds from one measurement to the next
    photos: Path  # to train on
    held_out: Path
    most: int | None = None  # photographs of each folder; None: all
    side: int = 1280  # pixels of a photograph at most
    upscale: int = 2
    num_feat: int = 24
    num_conv: int = 8
    gt_size: int = 96
    batch_size: int = 16
    learning_rate: float = 1e-3
    seed: int = 0

    @property
    def network(self) -> dict[str, int]:
        """Options of the compact network."""
        return {"num_feat": self.num_feat, "num_conv": self.num_conv, "upscale": self.upscale}

    def quick(self) -> Course:
        """Three seconds on two small photographs: to see that everything runs."""
        small = replace(self, most=2, side=216, gt_size=48, batch_size=4, num_feat=8, num_conv=2)
        return replace(small, seconds=3.0, every=1.0)
