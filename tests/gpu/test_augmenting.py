"""Samples are altered on the device as on the CPU, without waiting for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch

from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.loader import collate
from esrgan_train.data.site import Site
from esrgan_train.data.sources import Sources
from esrgan_train.degradation import RealESRGANDegradation
from tests.data.augmented import EVERY, augmentations
from tests.data.small import stream_options
from tests.gpu.test_feeding import IMAGES, Noise, pinned

pytestmark = pytest.mark.gpu


def module(kind: str) -> DataModule:
    """Without noise, whose values are each device's own, and without JPEG, which makes steps of roundings."""
    published = RealESRGANDegradation(upscale=2)
    quiet = {"noise_prob": 0.0, "jpeg_prob": 0.0}
    stages = {name: replace(getattr(published, name), **quiet) for name in ("first", "second")}
    return compose(
        Sources(Noise(), Noise()),
        stream_options(usm=True, gt_size=32),
        degradation=RealESRGANDegradation(upscale=2, **stages),
        augmentations=augmentations(**EVERY),
        site=Site(kind),
    )


@contextmanager
def refusing_to_wait(device: torch.device) -> Iterator[None]:
    if device.type != "cuda":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_device_alters_samples_as_the_cpu_does(device: torch.device):
    training = module(device.type).training
    assert training.rendering is not None
    there, here = (training.rendering.on(kind) for kind in (device, torch.device("cpu")))
    there(pinned(collate([training[n] for n in range(12)]), device))  # warm
    for first in (0, 12):
        numbers = range(first, first + 12)
        batch = pinned(collate([training[n] for n in numbers]), device)
        with refusing_to_wait(device):
            made = there(batch)
        expected = here(collate([training[n] for n in numbers]))
        for name in IMAGES:
            assert made[name].device.type == device.type
            bound = 1.5 / 255 if name == "lr" else 1e-4
            assert (made[name].cpu() - expected[name]).abs().max() < bound, name
