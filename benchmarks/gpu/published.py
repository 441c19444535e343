"""The published trainer as its users run it: its data set, its degradation on the device, and its step."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks import peer
from benchmarks.gpu.clock import wait_for
from benchmarks.gpu.figure import one_line
from benchmarks.gpu.sizes import Sizes
from benchmarks.gpu.subjects import PERCEPTUAL_SEED, UPSCALE, make_step
from esrgan_train.cores import usable_cores
from esrgan_train.training.stages import StageName

_POOL = 15  # batches in the pool of pairs, as published
_KINDS = ["iso", "aniso", "generalized_iso", "generalized_aniso", "plateau_iso", "plateau_aniso"]
_ODDS = [0.45, 0.25, 0.12, 0.03, 0.12, 0.03]
_KERNELS: dict[str, Any] = {
    "kernel_list": _KINDS,
    "kernel_prob": _ODDS,
    "blur_kernel_size": 21,
    "betag_range": [0.5, 4],
    "betap_range": [1, 2],
    "sinc_prob": 0.1,
}
_DATA: dict[str, Any] = {
    **_KERNELS,
    **{f"{name}2": value for name, value in _KERNELS.items()},
    "blur_sigma": [0.2, 3],
    "blur_sigma2": [0.2, 1.5],
    "final_sinc_prob": 0.8,
    "io_backend": {"type": "disk"},
    "use_hflip": True,
    "use_rot": False,
}
_DEGRADATION: dict[str, Any] = {
    "resize_prob": [0.2, 0.7, 0.1],
    "resize_range": [0.15, 1.5],
    "gaussian_noise_prob": 0.5,
    "noise_range": [1, 30],
    "poisson_scale_range": [0.05, 3],
    "gray_noise_prob": 0.4,
    "jpeg_range": [30, 95],
    "second_blur_prob": 0.8,
    "resize_prob2": [0.3, 0.4, 0.3],
    "resize_range2": [0.3, 1.2],
    "gaussian_noise_prob2": 0.5,
    "noise_range2": [1, 25],
    "poisson_scale_range2": [0.05, 2.5],
    "gray_noise_prob2": 0.4,
    "jpeg_range2": [30, 95],
    "gt_usm": True,
}


def published_step(sizes: Sizes, device: torch.device, stage: StageName) -> peer.PublishedStep:
    """The published step of the stage, ``pixel`` or ``gan`` (with VGG19), from our weights and on the device."""
    step = make_step(sizes, device, stage)
    judges = step.discriminators
    published = peer.PublishedStep(
        generator=step.generator.state_dict(),
        discriminator=judges["discriminator"].state_dict() if judges else None,
        generator_options={"num_feat": sizes.num_feat, "num_conv": sizes.num_conv, "upscale": UPSCALE},
        discriminator_feat=sizes.discriminator_feat,
        perceptual_seed=PERCEPTUAL_SEED if stage == "gan" else None,
    )
    published.model.device = device
    for name, part in vars(published.model).items():
        if isinstance(part, nn.Module):  # networks, losses, sharpening, JPEG: built on the CPU
            setattr(published.model, name, part.to(device))
    return published


def beside(measure: Callable[[], float], note: str) -> tuple[float | None, str]:
    """What is measured of the published code, and the note; where that cannot run None, and why."""
    if (missing := peer.missing()) is not None:
        return None, missing.partition(",")[0]
    try:
        return measure(), note
    except Exception as error:  # noqa: BLE001 — a stranger's code, whose failure is a note
        traceback.print_exc()
        return None, f"the published code fails: {one_line(error)}"


class PublishedTrainer:
    """One stage of the published recipe on a folder of PNG files, degraded on the device."""

    def __init__(self, photos: Path, sizes: Sizes, device: torch.device, stage: StageName) -> None:
        self.device, self.model, self.done = device, published_step(sizes, device, stage).model, 0
        self.model.opt |= {**_DEGRADATION, "gt_size": sizes.gt_size}
        self.model.queue_size = _POOL * sizes.batch_size
        self._batches = _endless(_loader(photos, sizes))

    def __call__(self) -> None:
        """One iteration, with the data that it takes."""
        self.done += 1
        with _runs_on(self.device):
            self.model.feed_data(next(self._batches))
        self.model.optimize_parameters(self.done)

    def samples_per_second(self, sizes: Sizes) -> float:
        """In steady state."""
        for least, count in (sizes.warm_up, sizes.timed):
            wait_for(self.device)
            began, iterations = time.perf_counter(), 0
            while iterations < count or time.perf_counter() - began < least:
                self()
                iterations += 1
            wait_for(self.device)
            seconds = time.perf_counter() - began
        return sizes.batch_size * iterations / seconds

    def degrading_ms(self, repeats: int) -> float:
        """Milliseconds of the device for sharpening and degrading one image of a batch."""
        batch = next(self._batches)
        seconds = []
        for _ in range(repeats + 1):
            wait_for(self.device)
            began = time.perf_counter()
            with _runs_on(self.device):
                self.model.feed_data(batch)
            wait_for(self.device)
            seconds.append(time.perf_counter() - began)
        return 1000 * sorted(seconds[1:])[repeats // 2] / len(batch["gt"])


def _loader(photos: Path, sizes: Sizes) -> DataLoader[Any]:
    peer.make_importable()
    from realesrgan.data.realesrgan_dataset import RealESRGANDataset

    names = [file.name for file in sorted(photos.glob("*.png"))]
    (photos / "meta_info.txt").write_text("\n".join(names * 1000) + "\n", encoding="utf-8")
    options = {**_DATA, "dataroot_gt": os.fspath(photos), "meta_info": os.fspath(photos / "meta_info.txt")}
    workers = max(1, usable_cores() - 1) if sizes.num_workers is None else sizes.num_workers
    return DataLoader(
        RealESRGANDataset(options),
        batch_size=sizes.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
    )


def _endless(loader: DataLoader[Any]) -> Iterator[dict[str, Any]]:
    while True:
        yield from loader


@contextmanager
def _runs_on(device: torch.device) -> Iterator[None]:
    """Within, ``.cuda()`` (of the pool of pairs) moves to ``device``, and filters take images as on a GPU.

    There what JPEG returns is contiguous when it reaches a filter, on a CPU it is not, and the filter refuses it.
    """
    import realesrgan.models.realesrgan_model as gan
    import realesrgan.models.realesrnet_model as pixel
    from basicsr.utils.img_process_util import filter2D

    def filter_contiguous(images: Tensor, kernels: Tensor) -> Any:
        return filter2D(images.contiguous(), kernels)

    with (
        patch.object(Tensor, "cuda", lambda tensor, *_: tensor.to(device)),
        patch.object(gan, "filter2D", filter_contiguous),
        patch.object(pixel, "filter2D", filter_contiguous),
    ):
        yield
