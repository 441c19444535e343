"""Training sets whose samples are altered."""

from __future__ import annotations

from typing import Any

import torch

from esrgan_train.data.augment.choice import Augmentation, Augmentations
from esrgan_train.data.augment.cutblur import CutBlur
from esrgan_train.data.augment.cutmix import CutMix
from esrgan_train.data.augment.mixup import Mixup
from esrgan_train.data.augment.pair import Pair
from esrgan_train.data.augment.resizemix import ResizeMix
from esrgan_train.data.sources import Source
from esrgan_train.data.training_set import TrainingSet
from tests.data.small import noisy_mean, stream_options

FUNCTIONS: dict[str, Any] = {
    "mixup": Mixup(alpha=1.2),
    "cutmix": CutMix(alpha=1.0),
    "resizemix": ResizeMix(sides=(0.2, 0.8)),
    "cutblur": CutBlur(sides=(0.3, 0.7)),
}
EVERY = dict.fromkeys(FUNCTIONS, 0.25)


def augmentations(seed: int = 0, **probs: float) -> Augmentations:
    choices = [Augmentation(name=name, prob=prob, function=FUNCTIONS[name]) for name, prob in probs.items()]
    return Augmentations(choices, seed=seed)


def augmented(
    source: Source, probs: dict[str, float], *, degradation: Any = noisy_mean, **changed: Any
) -> TrainingSet:
    options = stream_options(**changed)
    return TrainingSet(source, options, degradation=degradation, augmentations=augmentations(**probs))


def random_pair(key: int, *, side: int = 12, upscale: int = 4, sharpened: bool = True) -> Pair:
    draw = torch.Generator().manual_seed(key)
    lr = torch.rand(3, side, side, generator=draw)
    hr, target = (torch.rand(3, side * upscale, side * upscale, generator=draw) for _ in range(2))
    return Pair(lr, hr, target if sharpened else hr)
