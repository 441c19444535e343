"""Rows: degrading an image, and making a training sample from a file; one core, one sample at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import peer
from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from benchmarks.timing import best_of, interleaved, spread
from esrgan_train.data.cutters import cutter_for
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.photos import Photos
from esrgan_train.data.sample_photos import sample_photos
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.degradation import RealESRGANDegradation, usm_sharpen
from esrgan_train.images.decode import Picture, decode, to_float
from esrgan_train.images.encode import write_image
from esrgan_train.images.find import find_photos

Image = NDArray[np.float32]

_DEGRADE_FASTER, _SAMPLE_FASTER = 50, 20
_SCALES = (1.0, 0.75, 0.5, 1 / 3)  # of conf/data/base.yaml
_OURS_PER_PEER = 10  # our repeats behind each of the peer's: a single degradation varies with its draw


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
    row = partial(_measure, contents={"side": sizes.window}, sizes=sizes, speedup=_DEGRADE_FASTER)
    return [
        row("degradation", name, plain),
        row("usm_degradation", f"USM and {name}", sharpened),
    ]


def sample_row(sizes: Sizes) -> Row:
    """One training sample of the published recipe, from a PNG on disk to tensors, nothing cached."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "photo.png"
        write_image(file, large_photo(sizes.photo_size))
        photos = training_photos(folder, gt_size=sizes.sample_gt_size)
        numbers = iter(range(10**6))
        sides: dict[str, Callable[[], Any]] = {"ours": lambda: photos[next(numbers)]}
        if not peer.missing():
            sides["peer"] = PublishedSample(file, gt_size=sizes.sample_gt_size)
        width, height = sizes.photo_size
        name = f"one sample from a {width} × {height} PNG to tensors, GT {sizes.sample_gt_size}, USM, one core"
        contents = {"width": width, "height": height, "gt_size": sizes.sample_gt_size}
        row = _measure("sample", name, sides, contents=contents, sizes=sizes, speedup=_SAMPLE_FASTER)
        return replace(row, floor=1000 * best_of(lambda: decode(file)), floor_name="decoding the PNG alone")


def training_photos(folder: str, *, gt_size: int) -> TrainingSet:
    """The photos of a folder, sharpened and degraded ×4 as by the published recipe, nothing cached."""
    photos = Photos(find_photos(folder, option="folder"))
    options = StreamOptions(
        upscale=4,
        seed=0,
        gt_size=gt_size,
        batch_size=1,
        accumulate=1,
        num_workers=0,
        usm=True,
        cache_mb=0,
        max_bad_fraction=0.0,
        scales=_SCALES,
    )
    degradation = RealESRGANDegradation(upscale=4)
    return TrainingSet(photos, cutter_for(photos, options), options, degradation=degradation)


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


def _measure(
    key: str,
    name: str,
    sides: dict[str, Callable[[], Any]],
    *,
    contents: dict[str, int],
    sizes: Sizes,
    speedup: float,
) -> Row:
    run_ours = sides["ours"]

    def several() -> None:
        for _ in range(_OURS_PER_PEER):
            run_ours()

    with _one_thread():
        several()  # fills tables that are made once per process
        seconds = interleaved(
            {**sides, "ours": several},
            rounds=sizes.image_rounds,
            warm_up=min(1, sizes.image_rounds - 1),
            budget_seconds=sizes.budget_seconds,
        )
    return Row(
        key=key,
        name=name,
        sizes=contents,
        unit="ms",
        ours=spread(seconds["ours"], scale=1000 / _OURS_PER_PEER),
        peer=spread(seconds["peer"], scale=1000) if "peer" in seconds else None,
        rounds=len(seconds["ours"]),
        goal=Goal("speedup", speedup),
        note=f"ours: mean of {_OURS_PER_PEER} per repeat; that both draw alike is tested, see tests/degradation",
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv2_threads)
