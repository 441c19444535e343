"""The run that is examined, built part by part."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

from lightning import Trainer, seed_everything
from omegaconf import DictConfig

from esrgan_train.allocator import keep_freed_memory
from esrgan_train.announce import describe_batch
from esrgan_train.build import build_datamodule, build_module, build_sources, build_trainer
from esrgan_train.checks.effects import options_without_effect, random_features_on_trained_weights
from esrgan_train.config import check
from esrgan_train.contracts.reading import check_reading
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.sources import Sources
from esrgan_train.devices import device_name
from esrgan_train.doctor.finding import Finding
from esrgan_train.doctor.weights import without_fetching
from esrgan_train.hours.decision import with_lengths
from esrgan_train.launch import Launch
from esrgan_train.runs.checkpoints import check_checkpoint
from esrgan_train.train import resolve
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import choose_precision


class Subject:
    """A run whose parts are built by checks, one after the other; a part that cannot be built stays None.

    Args:
        cfg: composed; ``run_dir`` and ``ckpt_path`` are resolved in it.
        overrides: that it was composed of.
    """

    def __init__(self, cfg: DictConfig, overrides: list[str]) -> None:
        self.cfg = cfg
        self.overrides = overrides
        self.run_dir: Path | None = None
        self.done = 0  # iterations after which the run resumes
        self.sources: Sources | None = None
        self.unreadable: set[int] = set()  # training photos that were found to be
        self.datamodule: DataModule | None = None
        self.trainer: Trainer | None = None
        self.module: ESRGANModule | None = None

    def options(self) -> Iterator[Finding]:
        """The composed options."""
        cfg = self.cfg
        check(cfg)
        idle = [*options_without_effect(cfg, self.overrides), *random_features_on_trained_weights(cfg)]
        yield from (Finding("options", "note", line) for line in idle)
        if not idle:
            yield Finding("options", "ok", f"experiment={cfg.experiment}, recipe {cfg.recipe.name}, all sound")

    def place(self) -> Iterator[Finding]:
        """Where the run writes, and which checkpoint it resumes."""
        place = resolve(self.cfg, Launch(tuple(self.overrides)), measuring=False)
        self.cfg = with_lengths(self.cfg, place["lengths"])
        self.run_dir = Path(place["run_dir"])
        self.cfg.run_dir, self.cfg.ckpt_path = place["run_dir"], place["checkpoint"]
        if place["complete"]:
            yield Finding("run folder", "note", place["complete"])

    def photos(self) -> Iterator[Finding]:
        """The photos' places."""
        self.sources = build_sources(self.cfg)
        yield from (Finding("photos", "note", remark) for remark in self.sources.remarks)

    def samples(self) -> Iterator[Finding]:
        """Training's own first look at the photos; unreadable ones are judged elsewhere, by decoding."""
        cfg = deepcopy(self.cfg)
        cfg.data.max_bad_fraction = 1.0
        self.datamodule = build_datamodule(cfg)
        if (shortage := self.datamodule.workers.shortage) is not None:
            yield Finding("data", "note", shortage)
        yield Finding("data", "ok", self.datamodule.describe())

    def networks(self) -> Iterator[Finding]:
        """Trainer, networks and losses, with the weights they start from."""
        cfg = without_fetching(self.cfg)
        seed_everything(cfg.seed, verbose=False)
        trainer = build_trainer(cfg)
        precision = choose_precision(cfg.trainer.precision, trainer.strategy.root_device)
        if precision.device_type == "cpu":
            keep_freed_memory()
        module = build_module(cfg, precision)
        if cfg.ckpt_path is not None:
            self.done = int(check_checkpoint(cfg, module)["global_step"])
        misread = check_reading(module.ema.module, module.metadata, lr_side=cfg.data.gt_size // cfg.upscale)
        if misread is not None:
            yield Finding("networks", "note", misread)
        self.trainer, self.module = trainer, module
        names = [type(network).__name__ for network in module.step.networks]
        batch = describe_batch(cfg, trainer.world_size)
        start = f" from {cfg.ckpt_path or cfg.init_from}" if cfg.ckpt_path or cfg.init_from else ""
        where = device_name(trainer.strategy.root_device)
        what = f"{' and '.join(names)}{start} on {where}, precision {precision.name}, {batch}"
        yield Finding("networks", "ok", what)
