"""What the trainer asks for data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from lightning import LightningDataModule

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.dataset import Degradation, Noise, TrainingPhotos, ValidationPhotos
from esrgan_train.data.held_out import HeldOut
from esrgan_train.data.loader import PhotoLoader, TrainingLoader, choose_num_workers
from esrgan_train.data.mixture import Mixture, digest_of_names, digest_of_sizes
from esrgan_train.data.overfit import FirstSamples, RepeatedSampler, check_samples
from esrgan_train.data.preflight import (
    MAX_LOOKED_AT,
    Preflight,
    check_readable,
    look_at,
    look_at_held_out,
)
from esrgan_train.data.samples import SampleStream
from esrgan_train.data.split import Split
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.degradation import BicubicDegradation, usm_sharpen
from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

_WITHOUT_DEGRADATION = (
    "photos need a degradation that makes the low-resolution side: give degradation=realesrgan, light or "
    "bicubic, or data=paired for photos that come in pairs"
)


class StreamDataModule(LightningDataModule):
    """Endless training batches and the held-out photos.

    The place in the stream of samples is not counted but derived from the trainer's iterations, each of
    which takes one batch per process; its checkpoint is that one number.

    Args:
        training: the samples by number.
        validation: the held-out photos.
        preflight: what a first look at the training photos found.
        held_out: what a first look at the held-out photos found.
        batch_size: samples per process that go through the networks at once.
        accumulate: such batches per iteration; a batch of the loader holds them all.
        num_workers: worker processes, or ``auto``: the usable cores minus one.
        overfit_samples: train on and validate with this many fixed samples alone; None uses all photos.
        remarks: lines about the folders, to be said once per run.

    Raises:
        UserError: a value is out of bounds.
    """

    def __init__(
        self,
        *,
        training: SampleStream[Any],
        validation: HeldOut,
        preflight: Preflight,
        held_out: Preflight,
        batch_size: int,
        accumulate: int,
        num_workers: int | str,
        overfit_samples: int | None,
        remarks: Sequence[str] = (),
    ) -> None:
        super().__init__()
        check_samples(overfit_samples)
        self.split = Split(training.photos, validation.photos)
        self.seed = training.seed
        self.overfit_samples = overfit_samples
        self.samples_per_iteration = batch_size * accumulate  # of one process
        self.num_workers = choose_num_workers(num_workers)
        self._training = training
        self._validation = validation
        self._preflight = preflight
        self._remarks = tuple(remarks)
        self._held_out = held_out
        self._loaders: list[PhotoLoader] = []
        # Samples seen when the trainer had done _start_step iterations; None before training starts, since
        # the trainer restores its own count after this module's.
        self._start = 0
        self._start_step: int | None = None

    def training_photos(self) -> SampleStream[Any]:
        """The training samples by number."""
        return self._training

    def validation_photos(self) -> HeldOut:
        """The held-out photos."""
        return self._validation

    @property
    def bad(self) -> tuple[BadPhotos, BadPhotos]:
        """The training photos that could not be read so far, and the held-out ones."""
        return self._training.bad, self._validation.bad

    @property
    def bad_samples(self) -> int:
        """How many photos could not be read so far."""
        return sum(bad.count for bad in self.bad)

    @property
    def failure(self) -> Exception | None:
        """Why a loader gives no more data; None as long as they do."""
        return next((loader.failure for loader in self._loaders if loader.failure is not None), None)

    def fingerprint(self) -> dict[str, int | str]:
        """What the photos are, so that a resumed run can tell whether they are others: number, names, sizes."""
        mixtures = [Mixture.of(photos) for photos in self.split]
        return {
            "photos": len(self.split.train),
            "photo names": digest_of_names(*mixtures),
            "photo sizes": digest_of_sizes(*mixtures, most=MAX_LOOKED_AT),
        }

    def held_out(self) -> str:
        """Hexadecimal digits that depend on the photos that validation measures: their names and sizes."""
        photos = Mixture.of(self.split.val if self.overfit_samples is None else self.split.train)
        return f"{digest_of_names(photos)}{digest_of_sizes(photos, most=MAX_LOOKED_AT)}"

    def describe(self) -> str:
        """One line for people: how many photos, and where."""
        train, val = (Mixture.of(photos) for photos in self.split)
        here = {table.root for table in train.tables}
        held_out = "" if here.issuperset(table.root for table in val.tables) else f" from {val.describe()}"
        return f"{len(train):,} photos from {train.describe()}, {len(val):,} held out{held_out}"

    def setup(self, stage: str) -> None:
        """Say, once per run, what was left out, and what the first look at the photos found."""
        if stage != "fit" or (self.trainer is not None and not self.trainer.is_global_zero):
            return
        found, side = self._preflight, self._training.needed_side
        for remark in self._remarks:
            log.warning("%s", remark)
        if found.several:
            log.info(
                "%d of %d photos looked at hold several pictures: the first of each is used",
                found.several,
                found.looked_at,
            )
        if found.small:
            log.info(
                "%d of %d photos looked at are smaller than the %d × %d window a sample is cut from: "
                "they are continued by their reflection",
                found.small,
                found.looked_at,
                side,
                side,
            )
        if self._held_out.large and self.overfit_samples is None:
            log.info(
                "%d of %d held-out photos looked at are larger than data.val_max_size=%d pixels a side: their "
                "middle is measured; null takes them whole",
                self._held_out.large,
                self._held_out.looked_at,
                self._validation.max_size,
            )
        found.tell_unreadable("photos")
        self._held_out.tell_unreadable("held-out photos")

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
        loader = TrainingLoader(
            self._training, batch_size=self.samples_per_iteration, sampler=sampler, num_workers=self.num_workers
        )
        self._loaders.append(loader)
        return loader

    def val_dataloader(self) -> PhotoLoader:
        """Each held-out photo once, one per batch, shared by the processes."""
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        photos: HeldOut | FirstSamples = self._validation
        if self.overfit_samples is not None:
            photos = FirstSamples(self._training, samples=self.overfit_samples)
        share = -(-len(photos) // world_size)
        positions = range(rank, share * world_size, world_size)
        num_workers = min(self.num_workers, share)
        # One ahead for each worker: they are as large as photos.
        loader = PhotoLoader(photos, batch_size=1, sampler=positions, num_workers=num_workers, prefetch=1)
        self._loaders.append(loader)
        return loader

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


class DataModule(StreamDataModule):
    """Training and validation on photos whose low-resolution side is made from them.

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
        max_bad_fraction: share of the training photos, and of the held-out ones, that may be unreadable.
        overfit_samples: train on and validate with this many fixed samples alone; None uses all photos.
        val_max_size: HR pixels a side to which larger held-out photos are cut, from their middle; None takes all.
        val_clean: validate on a clean bicubic reduction too.
        target_noise: (hr, rng) → noise that targets keep, or None.
        remarks: lines about the folders, to be said once per run.

    Raises:
        UserError: a value is out of bounds, or too many photos cannot be read.
    """

    def __init__(
        self,
        *,
        split: Split,
        degradation: Degradation | None,
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
        val_max_size: int | None = None,
        val_clean: bool = False,
        target_noise: Noise | None = None,
        remarks: Sequence[str] = (),
    ) -> None:
        check_batch_size(batch_size)
        if degradation is None:
            raise UserError(_WITHOUT_DEGRADATION)
        training = TrainingPhotos(
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
        validation = ValidationPhotos(
            split.val,
            degradation=degradation,
            clean=BicubicDegradation(upscale=upscale) if val_clean else None,
            upscale=upscale,
            seed=seed,
            max_size=val_max_size,
            max_bad_fraction=max_bad_fraction,
            target_noise=target_noise,
        )
        preflight = look_at(training.photos, window_side=training.needed_side)
        check_readable(preflight, max_bad_fraction=max_bad_fraction, kind="training")
        held_out = look_at_held_out(split.val, upscale=upscale, max_size=val_max_size)
        check_readable(held_out, max_bad_fraction=max_bad_fraction, kind="held-out")
        super().__init__(
            training=training,
            validation=validation,
            preflight=preflight,
            held_out=held_out,
            batch_size=batch_size,
            accumulate=accumulate,
            num_workers=num_workers,
            overfit_samples=overfit_samples,
            remarks=remarks,
        )


def check_batch_size(batch_size: int) -> None:
    """``UserError`` unless it is a whole number from 1 on."""
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise UserError(f"data.batch_size={batch_size!r}: give a whole number from 1 on")
