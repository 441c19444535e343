"""The data module: endless training batches, and the held-out photos."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from lightning import LightningDataModule
from torch import Tensor

from esrgan_train.cores import own_cores, processes_of_host, share_of_cores
from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.feeder import Batch, Fed, Feeder
from esrgan_train.data.first_look import FirstLook
from esrgan_train.data.loader import PhotoLoader, TrainingLoader
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.real_pictures import RealPictures
from esrgan_train.data.same_files import same_files
from esrgan_train.data.site import BY_WORKERS, Site
from esrgan_train.data.sources import counted, digest_of_names, digest_of_sizes
from esrgan_train.data.stream import STREAM_VERSION, RankStridedSampler
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.data.validation_set import FirstSamples, ValidationSet
from esrgan_train.data.worker_plan import WorkerPlans, plan_workers
from esrgan_train.processes import gather_objects

log = logging.getLogger(__name__)

RENDERER = "renderer"  # its name in the fingerprint
ORDER = "order of photos"


class DataModule(LightningDataModule):
    """Training samples by number, and held-out photos; ``remarks`` about them are logged once per run.

    Where ``site`` is a device, workers give windows and drawings, and batches are made of them there. Held-out
    photos, which have sizes of their own, are degraded by workers in either case. ``real``: pictures without HR.

    The position in the stream of samples is not counted but derived from the trainer's iterations, each of
    which takes one batch per process; its checkpoint is that one number.

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
        site: Site = BY_WORKERS,
        real: RealPictures | None = None,
    ) -> None:
        super().__init__()
        self.real = real
        self.site = site
        self.training = training
        self.validation = validation
        self.options = options
        self.seed = options.seed
        self.samples_per_iteration = options.batch_size * options.accumulate  # of one process
        self._remarks = (*remarks, *(real.remarks if real is not None else ()))
        limit = options.max_bad_fraction
        self._seen = [FirstLook(kind, "training", max_bad_fraction=limit) for kind in training.source.kinds]
        self._seen_held_out = FirstLook(validation.source, "held-out", max_bad_fraction=limit)
        self._seen_held_out.check_held_out(options.upscale)
        self._loaders: list[PhotoLoader] = []
        self._workers: WorkerPlans | None = None
        self._feeder: Feeder | None = None
        # _start samples were seen when the trainer had done _start_step iterations; that is None before training
        # starts, since the trainer restores its own count after this module's.
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
        """Why a loader gives no more data, if one has failed."""
        return next((loader.failure for loader in self._loaders if loader.failure), None)

    def fingerprint(self) -> dict[str, int | str]:
        """What samples are made from and how, by which a resumed run notices that they have changed."""
        sources = self.training.source, self.validation.source
        return {
            "photos": len(self.training.source),
            "photo names": digest_of_names(*sources),
            "photo sizes": digest_of_sizes(*sources),
            "version of the stream of samples": STREAM_VERSION,
            RENDERER: self.site.name,
            ORDER: self.training.source.order,
        }

    def held_out(self) -> str:
        """Hexadecimal digits of the names and sizes of the photos that validation measures."""
        measured = self.validation if self.options.overfit_samples is None else self.training
        return f"{digest_of_names(measured.source)}{digest_of_sizes(measured.source)}"

    def real_pictures(self) -> Iterable[tuple[str, Tensor]]:
        """Name and pixels of each real picture without HR, see ``RealPictures``; none unless the run has some."""
        return () if self.real is None else self.real

    def describe(self) -> str:
        """One line for people: how many photos, and where."""
        train, val = self.training.source, self.validation.source
        elsewhere = "" if set(val.folders) <= set(train.folders) else f" from {val.describe()}"
        held_out = f"{len(val):,}" if len(train.kinds) == 1 else counted(val)
        return f"{counted(train)} from {train.describe()}, {held_out} held out{elsewhere}"

    def describe_sizes(self) -> dict[str, str]:
        """How many photos are trained on and held out, and their smallest and largest size, for people."""
        looks = {"training": self._seen, "held out": [self._seen_held_out]}
        return {
            f"{use} ({seen.source.describe()})": f"{len(seen.source):,} photos, {seen.sizes()} pixels"
            for use, found in looks.items()
            for seen in found
        }

    @property
    def workers(self) -> WorkerPlans:
        """The worker processes of the loaders; all processes of the run first ask together, in ``setup``."""
        if self._workers is None:
            own = own_cores()
            run = gather_objects(own)
            augmentations = self.training.augmentations
            self._workers = plan_workers(
                self.options,
                cores=share_of_cores(own, run),
                processes=processes_of_host(own, run),
                held_out_pixels=self._seen_held_out.most_pixels(self.options.val_max_size),
                rendered=self.site.device is None,
                windows=2 if augmentations is not None and augmentations.take_partners else 1,
            )
        return self._workers

    @property
    def num_workers(self) -> int:
        """How many worker processes make training samples."""
        return self.workers.training.count

    @property
    def waited(self) -> float:
        """Seconds for which training was kept waiting for batches."""
        return sum(loader.waited for loader in self._loaders if isinstance(loader, TrainingLoader))

    def setup(self, stage: str) -> None:
        """Log, once per run, the remarks, what the first look at the photos found, and the worker processes.

        Raises:
            UserError: the shared memory has no room for the workers' batches.
        """
        if stage != "fit":
            return
        self._workers = None  # the trainer may be another one than before
        workers = self.workers
        if self.trainer is not None and not self.trainer.is_global_zero:
            return
        for remark in self._remarks:
            log.warning("%s", remark)
        for seen in self._seen:
            seen.report_training(self.training.cutter.needed_side(paired=seen.source.paired))
        self._seen_held_out.report_held_out(self.options)
        workers.report()
        self._report_same_files()

    def _report_same_files(self) -> None:
        training, held_out = self.training.source, self.validation.source
        if found := same_files(training, held_out):
            one, other = found[0]
            log.warning(
                "%d held-out files are trained on as well, so val/psnr looks too good: %s is %s; remove one copy",
                *(len({number for _, number in found}), held_out.place(other), training.place(one)),
            )

    def train_dataloader(self) -> PhotoLoader:
        """Endless batches from the current position in the stream."""
        self._start = self.samples_seen
        self._start_step = self.trainer.global_step if self.trainer else 0
        rank, world_size = self._place
        repeat = self.options.overfit_samples
        sampler = RankStridedSampler(start=self._start, rank=rank, world_size=world_size, repeat=repeat)
        size = self.samples_per_iteration
        workers = self.workers.training
        device = self.trainer.strategy.root_device if self.trainer else torch.device("cpu")
        loader = TrainingLoader(
            self.training,
            feed=self._feeder_on(device).feed,
            batch_size=size,
            sampler=sampler,
            num_workers=workers.count,
            ahead=workers.ahead,
            pin_memory=self._trains_on_cuda,
        )
        self._loaders.append(loader)
        return loader

    def val_dataloader(self) -> PhotoLoader:
        """Each held-out photo once, one per batch, shared by the processes."""
        rank, world_size = self._place
        photos: ValidationSet | FirstSamples = self.validation
        if self.options.overfit_samples is not None:
            photos = FirstSamples(self.training, samples=self.options.overfit_samples)
        share, workers = -(-len(photos) // world_size), self.workers.validation
        loader = PhotoLoader(
            photos,
            batch_size=1,
            sampler=range(rank, share * world_size, world_size),
            num_workers=min(workers.count, share),
            ahead=workers.ahead,
            pin_memory=self._trains_on_cuda,
        )
        self._loaders.append(loader)
        return loader

    def transfer_batch_to_device(self, batch: Batch | Fed, device: torch.device, dataloader_idx: int) -> Batch:  # noqa: ARG002
        """The batch that training or validation takes, on the device; one of training is on its way already."""
        fed = batch if isinstance(batch, Fed) else self._feeder_on(device).feed(batch)
        return fed.take() if isinstance(fed, Fed) else fed

    def _feeder_on(self, device: torch.device) -> Feeder:
        if self._feeder is None or self._feeder.device != device:
            rendering = self.training.rendering
            self._feeder = Feeder(device, None if rendering is None else rendering.on(device))
        return self._feeder

    @property
    def samples_seen(self) -> int:
        """How many samples all processes together have trained on."""
        if self._start_step is None or self.trainer is None:
            return self._start
        done = self.trainer.global_step - self._start_step
        return self._start + done * self.samples_per_iteration * self.trainer.world_size

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream, for the checkpoint."""
        return {"samples_seen": self.samples_seen}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Resume at a position in the stream, also with another batch size or number of processes."""
        self._start, self._start_step = int(state_dict["samples_seen"]), None

    @property
    def _place(self) -> tuple[int, int]:
        """Rank and number of processes."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    @property
    def _trains_on_cuda(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
