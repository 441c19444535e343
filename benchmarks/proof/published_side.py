"""The published trainer in the race: BasicSR's SRModel and paired data set, driven as its own loop does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks import peer
from benchmarks.proof.course import Course
from benchmarks.proof.timekeeper import Timekeeper, Weights
from esrgan_train.cores import usable_cores

_LONGER = 100  # times that an epoch goes through the files, as in the published options


def train_published(course: Course, pairs: Path, keeper: Timekeeper) -> str:
    """Train on ``pairs`` until the time is over; what the trainer's own way was, in words."""
    peer.make_importable()
    torch.manual_seed(course.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports' deprecations are not this project's to fix
        from basicsr.models.sr_model import SRModel
    model = SRModel(_options(course))
    batches = _batches(course, pairs)
    keeper.start(_averaged(model))
    iterations, over = 0, False
    while not over:
        iterations += 1
        model.update_learning_rate(iterations, warmup_iter=-1)
        model.feed_data(next(batches))
        model.optimize_parameters(iterations)
        over = keeper.after(iterations, lambda: _averaged(model))
    return "starts at random, EMA as published, float32"


def _options(course: Course) -> dict[str, Any]:
    return {
        "num_gpu": 0,
        "is_train": True,
        "dist": False,
        "rank": 0,
        "scale": course.upscale,
        "path": {},
        "network_g": {"type": "SRVGGNetCompact", **course.network},
        "train": {
            "ema_decay": 0.999,
            "optim_g": {"type": "Adam", "lr": course.learning_rate, "betas": [0.9, 0.99], "weight_decay": 0},
            "scheduler": {"type": "MultiStepLR", "milestones": [10**9], "gamma": 0.5},
            "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0, "reduction": "mean"},
        },
    }


def _batches(course: Course, pairs: Path) -> Iterator[dict[str, Any]]:
    from basicsr.data import build_dataloader, build_dataset
    from basicsr.data.data_sampler import EnlargedSampler
    from basicsr.data.prefetch_dataloader import CPUPrefetcher

    options = {
        "name": "photographs",
        "type": "PairedImageDataset",
        "phase": "train",
        "scale": course.upscale,
        "dataroot_gt": str(pairs / "hr"),
        "dataroot_lq": str(pairs / "lr"),
        "io_backend": {"type": "disk"},
        "gt_size": course.gt_size,
        "use_hflip": True,
        "use_rot": True,
        "batch_size_per_gpu": course.batch_size,
        "num_worker_per_gpu": max(1, usable_cores() - 1),  # as many as this project's loader has
    }
    dataset = build_dataset(options)
    sampler = EnlargedSampler(dataset, 1, 0, _LONGER)
    fetcher = CPUPrefetcher(build_dataloader(dataset, options, num_gpu=0, sampler=sampler, seed=course.seed))
    epoch = 0
    while True:
        sampler.set_epoch(epoch)
        if epoch:
            fetcher.reset()
        while (batch := fetcher.next()) is not None:
            yield batch
        epoch += 1


def _averaged(model: Any) -> Weights:
    return {name: tensor.detach().clone() for name, tensor in model.net_g_ema.state_dict().items()}
