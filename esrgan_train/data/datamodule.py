"""What the trainer asks for data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from lightning import LightningDataModule

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.cutters import cutter_for
from esrgan_train.data.first_look import FirstLook
from esrgan_train.data.loader import PhotoLoader, TrainingLoader, choose_num_workers
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Sources, digest_of_names, digest_of_sizes
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.data.training_set import Degradation, Noise, TrainingSet
from esrgan_train.data.validation_set import FirstSamples, ValidationSet
from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

_WITHOUT_DEGRADATION = (
    "photos need a degradation that makes the low-resolution side: give degradation=realesrgan, light or "
    "bicubic, or data=paired for photos that come in pairs"
)
_DEGRADED_PAIRS = "degradation has no effect with data=paired: the LR photos are used as they are; leave it out"
_NOISY_PAIRS = (
    "target_noise cannot be added to data=paired, whose LR photos are used as they are: give "
    "target_noise=none, or data=folder"
)


class DataModule(LightningDataModule):
    """Endless training batches and the held-out photos.

    The place in the stream of samples is not counted but derived from the trainer's iterations, each of
    which takes one batch per process; its checkpoint is that one number.

    Args:
        training: the samples by number.
        validation: the held-out photos.
        options: of the stream.
        remarks: lines about the photos, logged once per run.

    Raises:
        UserError: too many photos cannot be read, or a held-out one is too small.
    """

    def __init__(
        self,
        training: TrainingSet,
        validation: ValidationSet,
        options: StreamOptions,
        *,
        remarks: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.training = training
        self.validation = validation
        self.options = options
        self.seed = options.seed
        self.samples_per_iteration = options.batch_size * options.accumulate  # of one process
        self.num_workers = choose_num_workers(options.num_workers)
        self._remarks = tuple(remarks)
        limit = options.max_bad_fraction
        self._looked_at = FirstLook.at(training.source, "training", max_bad_fraction=limit)
        self._held_out = FirstLook.at(validation.source, "held-out", max_bad_fraction=limit)
        self._held_out.check_held_out(validation.source, options.upscale)
        self._loaders: list[PhotoLoader] = []
        # Samples seen when the trainer had done _start_step iterations; None before training starts, since
        # the trainer restores its own count after this module's.
        self._start = 0
        self._start_step: int | None = None

    @property
    def bad(self) -> tuple[BadPhotos, BadPhotos]:
        """The training photos that could not be read so far, and the held-out ones."""
        return self.training.bad, self.validation.bad

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
        sources = self.training.source, self.validation.source
        return {
            "photos": len(self.training.source),
            "photo names": digest_of_names(*sources),
            "photo sizes": digest_of_sizes(*sources),
        }

    def held_out(self) -> str:
        """Hexadecimal digits that depend on the photos that validation measures: their names and sizes."""
        measured = self.validation if self.options.overfit_samples is None else self.training
        return f"{digest_of_names(measured.source)}{digest_of_sizes(measured.source)}"

    def describe(self) -> str:
        """One line for people: how many photos, and where."""
        train, val = self.training.source, self.validation.source
        kind = "pairs" if train.paired else "photos"
        elsewhere = "" if set(val.folders) <= set(train.folders) else f" from {val.describe()}"
        return f"{len(train):,} {kind} from {train.describe()}, {len(val):,} held out{elsewhere}"

    def setup(self, stage: str) -> None:
        """Log, once per run, what was left out, and what the first look at the photos found."""
        if stage != "fit" or (self.trainer is not None and not self.trainer.is_global_zero):
            return
        for remark in self._remarks:
            log.warning("%s", remark)
        self._looked_at.report_training(self.training.cutter.needed_side)
        self._held_out.report_held_out(self.options)
        self._looked_at.report_unreadable("photos")
        self._held_out.report_unreadable("held-out photos")

    def train_dataloader(self) -> PhotoLoader:
        """Endless; starts where the stream stands."""
        self._start = self.samples_seen
        self._start_step = self.trainer.global_step if self.trainer else 0
        rank, world_size = self._place
        repeat = self.options.overfit_samples
        sampler = RankStridedSampler(start=self._start, rank=rank, world_size=world_size, repeat=repeat)
        size = self.samples_per_iteration
        loader = TrainingLoader(self.training, batch_size=size, sampler=sampler, num_workers=self.num_workers)
        self._loaders.append(loader)
        return loader

    def val_dataloader(self) -> PhotoLoader:
        """Each held-out photo once, one per batch, shared by the processes."""
        rank, world_size = self._place
        photos: ValidationSet | FirstSamples = self.validation
        if self.options.overfit_samples is not None:
            photos = FirstSamples(self.training, samples=self.options.overfit_samples)
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
        """Resume at a place in the stream, also with another batch size or number of processes."""
        self._start, self._start_step = int(state_dict["samples_seen"]), None

    @property
    def _place(self) -> tuple[int, int]:
        """Which of how many processes this is."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)


def compose(
    sources: Sources, options: StreamOptions, *, degradation: Degradation | None, target_noise: Noise | None = None
) -> DataModule:
    """The data module over two sources; the cutter is the one that fits them.

    Args:
        sources: the photos.
        options: of the stream.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1]; without effect on pairs.
        target_noise: (hr, rng) → noise that targets keep, or None; pairs would need it in LR too.

    Raises:
        UserError: the parts do not go together, or as ``DataModule``.
    """
    training, validation, remarks = sources
    if training.paired and target_noise is not None:
        raise UserError(_NOISY_PAIRS)
    if training.paired and degradation is not None:
        remarks = (*remarks, _DEGRADED_PAIRS)
    if degradation is None and not (training.paired and validation.paired):
        raise UserError(_WITHOUT_DEGRADATION)
    parts: dict[str, Any] = {"degradation": degradation, "target_noise": target_noise}
    samples = TrainingSet(training, cutter_for(training, options), options, **parts)
    return DataModule(samples, ValidationSet(validation, options, **parts), options, remarks=remarks)
