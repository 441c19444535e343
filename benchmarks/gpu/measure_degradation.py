"""What sharpening and degrading one image costs: of a core in a worker, and of the device."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch.utils.data import default_collate

from benchmarks.gpu.figure import Figure, Goal
from benchmarks.gpu.part import Measurement, Setting
from benchmarks.gpu.photographs import halves, packed, write_photographs
from benchmarks.gpu.published import PublishedTrainer, beside
from benchmarks.gpu.subjects import UPSCALE, make_data
from benchmarks.gpu.timing import seconds_of
from benchmarks.pictures import large_photo
from benchmarks.threads import one_thread
from esrgan_train.data.site import Site
from esrgan_train.data.stream import sample_rng
from esrgan_train.data.window import Window
from esrgan_train.degradation import RealESRGANDegradation, usm_sharpen
from esrgan_train.degradation.batched.renderer import BatchRenderer
from esrgan_train.degradation.batched.usm import usm_sharpen_batch
from esrgan_train.images.decode import to_float

_CORE = torch.device("cpu")
_PUBLISHED_SIDE = 400  # of the image that the published trainer degrades for one crop
_MEAN_OF = 10  # a single degradation varies with its draw


def degrading(setting: Setting) -> list[Measurement]:
    """In a worker, on the device, and a whole sample in a worker."""
    return [
        Measurement("degrade_worker", "USM and degradation in a worker", partial(_in_a_worker, setting)),
        Measurement("degrade_device", "USM and degradation on the device", partial(_on_the_device, setting)),
        Measurement("sample_worker", "a packed sample in a worker", partial(_sample, setting)),
    ]


def _in_a_worker(setting: Setting) -> Iterator[Figure]:
    side = Window(setting.sizes.gt_size, UPSCALE).side
    photo = to_float(large_photo(setting.sizes.photo_size))
    window = np.ascontiguousarray(photo[:side, :side])
    degrade, rng = RealESRGANDegradation(upscale=UPSCALE), np.random.default_rng(0)

    def ours() -> None:
        for _ in range(_MEAN_OF):
            degrade(usm_sharpen(window), rng)

    with one_thread():
        found = seconds_of(ours, _CORE, repeats=setting.sizes.repeats) / _MEAN_OF
    yield Figure(
        key="degrade_worker",
        name=f"USM and degradation of one window of {side} × {side} in a worker",
        unit="ms of a core",
        ours=1000 * found,
        note="the published trainer has no such worker",
    )


def _on_the_device(setting: Setting) -> Iterator[Figure]:
    sizes, device = setting.sizes, setting.device
    side = Window(sizes.gt_size, UPSCALE).side
    drawn = RealESRGANDegradation(upscale=UPSCALE)
    renderer = BatchRenderer(drawn, (side, side))
    packs = [renderer.pack(drawn.draw((side, side), sample_rng(0, n))) for n in range(sizes.batch_size)]
    packed_drawings = {name: value.to(device) for name, value in default_collate(packs).items()}
    photo = torch.from_numpy(to_float(large_photo(sizes.photo_size)))[:side, :side].permute(2, 0, 1)
    hr = photo.expand(sizes.batch_size, -1, -1, -1).contiguous().to(device)
    with torch.no_grad():
        found = seconds_of(
            lambda: renderer(usm_sharpen_batch(hr), packed_drawings), device, repeats=sizes.repeats, warm_up=3
        )
    theirs, note = _published(setting)
    yield Figure(
        key="degrade_device",
        name=f"USM and degradation of one window of {side} × {side} on the device, batch {sizes.batch_size}",
        unit="ms",
        ours=1000 * found / sizes.batch_size,
        peer=theirs,
        note=note,
    )


def _published(setting: Setting) -> tuple[float | None, str]:
    """Milliseconds an image, or None and why."""

    def measure() -> float:
        photos = write_photographs(setting.folder / "photos", setting.sizes)
        return PublishedTrainer(photos, setting.sizes, setting.device, "pixel").degrading_ms(setting.sizes.repeats)

    side = _PUBLISHED_SIDE
    return beside(measure, f"published: {side} × {side} for one crop, resized alike in a whole batch")


def _sample(setting: Setting) -> Iterator[Figure]:
    sizes = setting.sizes
    source = packed(write_photographs(setting.folder / "photos", sizes), setting.folder / "set")
    samples = make_data(halves(source), sizes, Site(setting.device.type)).training

    def ours() -> None:
        for n in range(_MEAN_OF):
            samples[n]

    with one_thread():
        found = seconds_of(ours, _CORE, repeats=sizes.repeats) / _MEAN_OF
    yield Figure(
        key="sample_worker",
        name=f"a packed sample in a worker, GT {sizes.gt_size}, rendered on the device",
        unit="ms of a core",
        ours=1000 * found,
        goal=Goal("most", 2),
    )
