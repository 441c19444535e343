"""The same few samples again and again: what a network and a loss that work must learn by heart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.utils.data import Dataset

from esrgan_train.data.samples import SampleStream
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.errors import UserError


class RepeatedSampler(RankStridedSampler):
    """As ``RankStridedSampler``, but sample n is sample n mod ``samples``."""

    def __init__(self, *, samples: int, start: int, rank: int = 0, world_size: int = 1) -> None:
        super().__init__(start=start, rank=rank, world_size=world_size)
        self.samples = samples

    def __iter__(self) -> Iterator[int]:
        return (n % self.samples for n in super().__iter__())


class FirstSamples(Dataset[dict[str, Any]]):
    """Training samples 0 to ``samples`` − 1 in the form of held-out photos.

    Shape:
        lr (3, h, w) and hr (3, h·upscale, w·upscale) float32 in [0,1]; index: n; name: of the photo; counts:
        whether the sample has not been taken before (see ``HeldOut``).
    """

    def __init__(self, training: SampleStream[Any], *, samples: int) -> None:
        self.training = training
        self.bad = training.bad
        self.samples = samples

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, position: int) -> dict[str, Any]:
        n, counts = position % self.samples, position < self.samples
        sample, name = self.training[n], self.training.sample(n).name
        return {"lr": sample["lr"], "hr": sample["hr"], "index": n, "name": name, "counts": counts}


def check_samples(samples: int | None) -> None:
    """``UserError`` unless it is a whole number from 1 on, or None."""
    if samples is not None and (not isinstance(samples, int) or isinstance(samples, bool) or samples < 1):
        raise UserError(f"data.overfit_samples={samples!r}: give a whole number from 1 on, or null for all photos")
