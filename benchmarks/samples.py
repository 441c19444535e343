"""Rows: making a training sample from a PNG and from a packed set, one at a time on one core, nothing cached.

All sides make the same samples, numbers 0 to ``PER_TURN`` - 1, in every turn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from benchmarks import peer
from benchmarks.one_core import NOTE, PER_TURN, milliseconds
from benchmarks.pictures import Image, large_photo
from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from esrgan_train.config import compose_config
from esrgan_train.data.device_rendering import DeviceRendering
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.packed import open_packed
from esrgan_train.data.photos import Photos
from esrgan_train.data.sources import Source
from esrgan_train.data.stream import sample_rng
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.data.window import Window
from esrgan_train.degradation import RealESRGANDegradation, usm_sharpen
from esrgan_train.degradation.batched.renderer import BatchRenderer
from esrgan_train.images.decode import decode, to_float
from esrgan_train.images.encode import write_image
from esrgan_train.images.find import find_photos
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pack import pack

_SAMPLE_FASTER, _PACKED_FASTER, _PACKED_SHARE = 20, 5, 1.25
_DRAWN_MS = 2.0
_PACKED_NOTE = f"mean of {PER_TURN} per repeat, the same samples on both sides"


def sample_rows(sizes: Sizes) -> list[Row]:
    """A sample of the published recipe from a PNG on disk and from a packed set, to tensors."""
    with photos_of(large_photo(sizes.photo_size)) as (file, png, packed):
        sides = _sides(file, png, packed, sizes)
        found = milliseconds(sides, sizes, once=("published", "decode"))
        levels = {"ours": _levels(sides["packed_plain"]), "peer": _levels(sides["png_plain"])}
    width, height = sizes.photo_size
    gt_size = sizes.sample_gt_size
    size = f"{width} × {height}"
    row = Row(
        key="sample",
        name=f"one sample from a {size} PNG to tensors, GT {gt_size}, USM, one core",
        sizes={"width": width, "height": height, "gt_size": gt_size},
        unit="ms",
        ours=found["png"],
        peer=found.get("published"),
        rounds=sizes.image_rounds,
        goal=Goal("speedup", _SAMPLE_FASTER),
        floor=found["decode"].min,
        floor_name="decoding the PNG alone",
        note=NOTE,
    )
    packed_row = replace(
        row,
        key="packed_sample",
        name=f"one sample from a packed {size} photo to tensors, GT {gt_size}, USM, one core",
        ours=found["packed"],
        peer=found["alone"],
        peer_name="USM and degradation of the same windows alone",
        goal=Goal("share", _PACKED_SHARE),
        floor=found["alone"].min,
        floor_name="USM and degradation alone",
        note=_PACKED_NOTE,
    )
    plain = replace(
        packed_row,
        key="packed_plain_sample",
        name=f"one sample from a packed {size} photo to tensors, GT {gt_size}, no USM, no degradation, one core",
        ours=found["packed_plain"],
        peer=found["png_plain"],
        peer_name="same sample from a PNG",
        goal=Goal("speedup", _PACKED_FASTER),
        floor=None,
        floor_name=None,
        losses=levels,
    )
    published = replace(
        packed_row, key="packed_sample_published", peer=row.peer, peer_name=row.peer_name, goal=None
    )
    drawn = replace(
        packed_row,
        key="packed_worker_sample",
        name=f"one packed {size} photo's window and drawing, GT {gt_size}, rendered on the device, one core",
        ours=found["drawn"],
        peer=None,
        goal=Goal("value", _DRAWN_MS),
        floor=None,
        floor_name=None,
        note=f"mean of {PER_TURN} per repeat; all that a worker does with degradation.device=cuda",
    )
    return [row, packed_row, plain, drawn, *([published] if row.peer is not None else [])]


def _sides(file: Path, png: Source, packed: Source, sizes: Sizes) -> dict[str, Callable[[], Any]]:
    gt_size = sizes.sample_gt_size
    sets = {
        "png": training_set(png, gt_size=gt_size),
        "packed": training_set(packed, gt_size=gt_size),
        "png_plain": training_set(png, gt_size=gt_size, plain=True),
        "packed_plain": training_set(packed, gt_size=gt_size, plain=True),
        "drawn": drawing_set(packed, gt_size=gt_size),
    }
    sides: dict[str, Callable[[], Any]] = {name: _samples(photos) for name, photos in sets.items()}
    sides["alone"] = _degradations(sets["packed"])
    sides["decode"] = lambda: decode(file)
    if not peer.missing():
        sides["published"] = PublishedSample(file, gt_size=gt_size)
    return sides


@contextmanager
def photos_of(*pictures: Any) -> Iterator[tuple[Path, Source, Source]]:
    """The first picture's PNG, all pictures as PNG files, and as a packed set; gone afterwards."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        for number, picture in enumerate(pictures):
            write_image(root / "photos" / f"{number}.png", picture)
        photos = Photos(find_photos(root / "photos", option="photos"))
        pack(photos, root / "set", Options(scales=scales()), workers=1)
        yield root / "photos" / "0.png", photos, open_packed(root / "set", option="photos")


def scales() -> tuple[float, ...]:
    """At which photos of ``data=folder`` are used."""
    return tuple(compose_config(["data=folder", "data.train_dir=."]).data.scales)


def training_set(photos: Source, *, gt_size: int, plain: bool = False) -> TrainingSet:
    """Photos sharpened and degraded ×4 as by the published recipe; with ``plain``, LR is every fourth pixel."""
    degradation = every_fourth if plain else RealESRGANDegradation(upscale=4)
    return TrainingSet(photos, stream(gt_size, usm=not plain), degradation=degradation)


def drawing_set(photos: Source, *, gt_size: int) -> TrainingSet:
    """The same photos where the training device sharpens and degrades: windows and drawings."""
    rendering = device_rendering(gt_size=gt_size, upscale=4)
    return TrainingSet(photos, stream(gt_size), degradation=None, rendering=rendering)


def device_rendering(*, gt_size: int, upscale: int) -> DeviceRendering:
    """Sharpens and degrades as by the published recipe, for the CPU as the device."""
    degradation, side = RealESRGANDegradation(upscale=upscale), Window(gt_size, upscale).side
    renderer = BatchRenderer(degradation, (side, side))
    options = stream(gt_size, upscale=upscale)
    return DeviceRendering(degradation, renderer, options, device=torch.device("cpu"))


def stream(
    gt_size: int, *, usm: bool = True, upscale: int = 4, batch_size: int = 1, num_workers: int = 0
) -> StreamOptions:
    """Options at the scales of ``data=folder``; nothing is cached."""
    return StreamOptions(
        upscale=upscale,
        seed=0,
        gt_size=gt_size,
        batch_size=batch_size,
        accumulate=1,
        num_workers=num_workers,
        usm=usm,
        cache_mb=0,
        max_bad_fraction=0.0,
        scales=scales(),
    )


def every_fourth(hr: Image, rng: np.random.Generator) -> Image:  # noqa: ARG001 — a degradation's argument
    """The least that a degradation can do: every fourth pixel."""
    return hr[::4, ::4]


def _samples(photos: TrainingSet) -> Callable[[], Any]:
    numbers = cycle(range(PER_TURN))
    return lambda: photos[next(numbers)]


def _levels(next_sample: Callable[[], Any]) -> dict[str, float]:
    """Of the samples of one turn, the mean level of LR and HR: figures that differ if any sample does."""
    samples = [next_sample() for _ in range(PER_TURN)]
    return {name: float(np.mean([sample[name].double().mean() for sample in samples])) for name in ("lr", "hr")}


def _degradations(photos: TrainingSet) -> Callable[[], Any]:
    """Sharpens and degrades the windows of the first samples, each as its sample does."""
    seed, source = photos.options.seed, photos.source
    windows = []
    for n in range(PER_TURN):
        rng = sample_rng(seed, n)
        window = photos.cutter.cut(source.decode(source.photo_of(seed, n)), rng).hr
        windows.append((to_float(np.ascontiguousarray(window)), rng.bit_generator.state))
    turns = cycle(windows)
    rng = sample_rng(seed, 0)

    def degrade() -> Image:
        window, rng.bit_generator.state = next(turns)
        assert photos.degradation is not None
        return photos.degradation(usm_sharpen(window), rng)

    return degrade


class PublishedSample:
    """A sample as the published data set and trainer make it: read, flip, cut 400 px, sharpen, degrade, cut.

    Args:
        file: the photo.
        gt_size: side of the HR crop in pixels.
    """

    def __init__(self, file: Path, *, gt_size: int) -> None:
        self.sharpen = peer.sharpener()
        from benchmarks.published_degradation import degrade_published, seed_published

        self.degrade = degrade_published
        self.file = file
        self.gt_size = gt_size
        seed_published(0)

    @torch.no_grad()
    def __call__(self) -> dict[str, torch.Tensor]:
        """Return lr, hr and hr_target, (1, 3, h, w) each."""
        from basicsr.data.transforms import augment, paired_random_crop
        from basicsr.utils import imfrombytes, img2tensor

        photo = augment(imfrombytes(self.file.read_bytes(), float32=True), hflip=True, rotation=False)
        cut = 400
        top, left = (random.randint(0, side - cut) for side in photo.shape[:2])
        hr = img2tensor([photo[top : top + cut, left : left + cut]], bgr2rgb=True, float32=True)[0][None]
        sharp = self.sharpen(hr)[0].permute(1, 2, 0).contiguous().numpy()
        lr = torch.from_numpy(self.degrade(sharp)).permute(2, 0, 1)[None]
        hr, lr = paired_random_crop(hr, lr, self.gt_size, 4)
        return {"lr": lr.contiguous(), "hr": hr, "hr_target": self.sharpen(hr)}
