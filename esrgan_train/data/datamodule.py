"""What the trainer asks for data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import torch
from lightning import LightningDataModule

from esrgan_train.data.dataset import Degradation, Noise, TrainingPhotos, ValidationPhotos
from esrgan_train.data.loader import PhotoLoader, choose_num_workers
from esrgan_train.data.overfit import FirstSamples, RepeatedSampler, check_samples
from esrgan_train.data.preflight import check_held_out, check_training, look_at
from esrgan_train.data.split import Split
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.degradation import usm_sharpen
from esrgan_train.errors import UserError

log = logging.getLogger(__name__)


class DataModule(LightningDataModule):
    """Endless training batches and the held-out photos.

    The place in the stream of samples is not counted but derived from the trainer's iterations, each of
    which takes one batch per process; its checkpoint is that one number.

    Args:
        split: the photos.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1].
        upscale: HR pixels per LR pixel.
        seed: 0 to 2⁶⁴ − 1.
        gt_size: side of the HR crop in pixels, a multiple of lcm(8, upscale).
        batch_size: samples per process that go through the networks at once.
        accumulate: such batches per iteration; a batch of the loader holds them all.
        num_workers: worker processes, or ``auto``: the usable cores minus one.
        scales: at which photos are used, each in (0, 1].
        usm: sharpen HR before degrading and for ``hr_target``.
        cache_mb: decoded photos kept per worker, in MiB.
        max_bad_fraction: share of the training photos that may be unreadable.
        overfit_samples: train on and validate with this many fixed samples alone; None uses all photos.
        target_noise: (hr, rng) → noise that targets keep, or None.

    Raises:
        UserError: a value is out of bounds, or too many photos cannot be read.
    """

    def __init__(
        self,
        *,
        split: Split,
        degradation: Degradation,
        upscale: int,
        seed: int,
        gt_size: int,
        batch_size: int,
        accumulate: int,
        num_workers: int | str,
        scales: Sequence[float],
        usm: bool,
        cache_mb: float,
        max_bad_fraction: float,
        overfit_samples: int | None = None,
        target_noise: Noise | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
            raise UserError(f"data.batch_size={batch_size!r}: give a whole number from 1 on")
        check_samples(overfit_samples)
        self.split = split
        self.overfit_samples = overfit_samples
        self.seed = seed
        self.samples_per_iteration = batch_size * accumulate  # of one process
        self.num_workers = choose_num_workers(num_workers)
        self._training = TrainingPhotos(
            split.train,
            degradation=degradation,
            sharpen=usm_sharpen if usm else None,
            upscale=upscale,
            seed=seed,
            gt_size=gt_size,
            scales=scales,
            cache_mb=cache_mb,
            max_bad_fraction=max_bad_fraction,
            target_noise=target_noise,
        )
        self._validation = ValidationPhotos(
            split.val, degradation=degradation, upscale=upscale, seed=seed, target_noise=target_noise
        )
        self._preflight = look_at(split.train, window_side=self._training.window.side)
        check_training(self._preflight, max_bad_fraction=max_bad_fraction)
        check_held_out(split.val, upscale=upscale)
        # Samples seen when the trainer had done _start_step iterations; None before training starts, since
        # the trainer restores its own count after this module's.
        self._start = 0
        self._start_step: int | None = None

    def training_photos(self) -> TrainingPhotos:
        """The training samples by number."""
        return self._training

    def validation_photos(self) -> ValidationPhotos:
        """The held-out photos."""
        return self._validation

    @property
    def bad_samples(self) -> int:
        """How many training photos could not be read so far."""
        return self._training.bad.count

    def fingerprint(self) -> dict[str, int | str]:
        """What the photos are, by names and number, so that a resumed run can tell whether they are others."""
        digest = blake2b(digest_size=8)
        for photos in self.split:
            for index in range(len(photos)):
                digest.update(photos.relative(index).encode("utf-8", "surrogateescape") + b"\0")
        return {"photos": len(self.split.train), "photo names": digest.hexdigest()}

    def describe(self) -> str:
        """One line for people: how many photos, and where."""
        train, val = self.split
        held_out = "" if val.root == train.root else f" from {val.root}"
        return f"{len(train):,} photos from {train.root}, {len(val):,} held out{held_out}"

    def setup(self, stage: str) -> None:
        """Say, once per run, what the first look at the photos found."""
        if stage != "fit" or (self.trainer is not None and not self.trainer.is_global_zero):
            return
        found, side = self._preflight, self._training.window.side
        if found.small:
            log.info(
                "%d of %d photos looked at are smaller than the %d × %d window a sample is cut from: "
                "they are continued by their reflection",
                found.small,
                found.looked_at,
                side,
                side,
            )
        if found.unreadable:
            bad, first = len(found.unreadable), found.unreadable[0]
            log.warning("%d of %d photos looked at cannot be read; the first: %s", bad, found.looked_at, first)

    def train_dataloader(self) -> PhotoLoader:
        """Endless; goes on where the stream stands."""
        trainer = self.trainer
        self._start, self._start_step = self.samples_seen, trainer.global_step if trainer else 0
        place = {
            "start": self._start,
            "rank": trainer.global_rank if trainer else 0,
            "world_size": trainer.world_size if trainer else 1,
        }
        sampler = RankStridedSampler(**place)
        if self.overfit_samples is not None:
            sampler = RepeatedSampler(samples=self.overfit_samples, **place)
        return PhotoLoader(
            self._training, batch_size=self.samples_per_iteration, sampler=sampler, num_workers=self.num_workers
        )

    def val_dataloader(self) -> PhotoLoader:
        """Each held-out photo once, one per batch, shared by the processes."""
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        photos: ValidationPhotos | FirstSamples = self._validation
        if self.overfit_samples is not None:
            photos = FirstSamples(self._training, samples=self.overfit_samples)
        share = -(-len(photos) // world_size)
        positions = range(rank, share * world_size, world_size)
        return PhotoLoader(photos, batch_size=1, sampler=positions, num_workers=min(self.num_workers, share))

    def transfer_batch_to_device(
        self, batch: dict[str, Any], device: torch.device, dataloader_idx: int
    ) -> dict[str, Any]:
        """Move a batch; an ``hr_target`` that is ``hr`` itself is moved once."""
        shared = batch.get("hr_target") is batch["hr"]
        to_move = {key: value for key, value in batch.items() if not (shared and key == "hr_target")}
        moved: dict[str, Any] = super().transfer_batch_to_device(to_move, device, dataloader_idx)
        return {**moved, "hr_target": moved["hr"]} if shared else moved

    @property
    def samples_seen(self) -> int:
        """Samples that all processes together have trained on."""
        if self._start_step is None or self.trainer is None:
            return self._start
        done = self.trainer.global_step - self._start_step
        return self._start + done * self.samples_per_iteration * self.trainer.world_size

    def state_dict(self) -> dict[str, Any]:
        """The place in the stream, for the checkpoint."""
        return {"samples_seen": self.samples_seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a place in the stream, also with another batch size or number of processes."""
        self._start, self._start_step = int(state_dict["samples_seen"]), None
