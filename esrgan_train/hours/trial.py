"""Short trials of the run itself, a stage at a time, by which ``recipe.hours`` is planned; they leave nothing."""

from __future__ import annotations

import gc
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Literal

import torch
from lightning import seed_everything
from omegaconf import DictConfig, open_dict

from esrgan_train import signals
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.build import build_datamodule, build_module, build_trainer, kernels_of
from esrgan_train.callbacks.clock import Clock
from esrgan_train.causes import foreseen
from esrgan_train.checks.devices import device_count
from esrgan_train.checks.tree import plain
from esrgan_train.cores import usable_cores
from esrgan_train.data.worker_plan import choose_num_workers
from esrgan_train.errors import RunError, UserError
from esrgan_train.hours.course import course_of
from esrgan_train.hours.plan import Costs
from esrgan_train.inference.memory import give_back
from esrgan_train.training.precision import choose_precision

StageOfTrial = Literal["pixel", "gan"]

_ENDLESS = 10**9  # iterations: the clock ends a trial
_OF_VALIDATIONS = (
    "lpips",
    "dists",
    "niqe",
    "real_pictures",
    "previews",
    "curves",
    "summary",
    "checkpoints",
)  # callbacks that take time
_OF_LAUNCHERS = ("SLURM_", "TORCHELASTIC_", "RANK", "WORLD_SIZE", "LOCAL_RANK")  # variables that they set
_SHARE = 0.005  # of the hours, for a piece of time
_SHORTEST, _LONGEST = 0.3, 4.0  # seconds of a piece


def measure(cfg: DictConfig, *, hours: float) -> Costs:
    """Train for some seconds in each stage that will come, with the real loader, and validate once.

    It is one process on one device, whatever the run has. Random numbers and weights are its own: the run seeds
    and builds everything again.

    Raises:
        UserError, RunError: as the run itself would.
    """
    course = course_of(cfg)
    stages: list[StageOfTrial] = [name for name in ("pixel", "gan") if getattr(course, name)]
    piece = min(max(_SHARE * 3600 * hours, _SHORTEST), _LONGEST)
    clocks = {}
    for stage in stages:
        with tempfile.TemporaryDirectory(prefix="esrgan_train_") as folder:
            trial = trial_of(cfg, folder, stage, validates=stage == stages[0])  # reads a launcher's variables
            with _apart(cfg):
                clocks[stage] = _try(trial, piece)
    return Costs(
        **{name: clocks[name].iteration if name in clocks else 0.0 for name in ("pixel", "gan")},
        validation=clocks[stages[0]].validation,
        start=min(clock.start for clock in clocks.values()),
        trials=int(cfg.trainer.num_sanity_val_steps != 0),
    )


def trial_of(cfg: DictConfig, folder: str, stage: StageOfTrial, *, validates: bool) -> DictConfig:
    """The configuration of a trial: this one stage, without an end, in a folder of its own."""
    cfg = deepcopy(cfg)
    cfg.run_dir, cfg.ckpt_path = folder, None
    cfg.data.num_workers = workers_of(cfg)
    cfg.trainer.update(max_steps=_ENDLESS, val_check_interval=_ENDLESS, num_sanity_val_steps=0, max_time=None)
    cfg.trainer.update(devices=_first(plain(cfg.trainer.devices)), num_nodes=1, strategy="auto")
    cfg.loss.adversarial.start_step = _ENDLESS if stage == "pixel" else 0
    cfg.loss.adversarial.discriminator_warmup = 0
    if not validates:
        cfg.trainer.limit_val_batches = 0
    with open_dict(cfg):
        cfg.logger = {}
        kept = _OF_VALIDATIONS if validates else ()
        cfg.callbacks = {name: node for name, node in cfg.callbacks.items() if name in kept}
    return cfg


def workers_of(cfg: DictConfig) -> int:
    """Worker processes of one of the processes that share this machine's cores."""
    devices = device_count(plain(cfg.trainer.devices))
    here = devices or max(1, torch.cuda.device_count())
    return choose_num_workers(cfg.data.num_workers, max(1, usable_cores() // here))


def _first(devices: object) -> object:
    """``trainer.devices`` for the first of the run's devices alone."""
    if isinstance(devices, str) and "," in devices:
        devices = [int(number) for number in devices.split(",") if number.strip()]
    return devices[:1] if isinstance(devices, list) else 1


def _try(cfg: DictConfig, piece: float) -> Clock:
    """Train as ``cfg`` says until the clock stops it."""
    started = time.perf_counter()
    seed_everything(cfg.seed, verbose=False)
    trainer = build_trainer(cfg)
    device = trainer.strategy.root_device
    precision = choose_precision(cfg.trainer.precision, device)
    if precision.device_type == "cpu":
        keep_freed_memory()
    datamodule = build_datamodule(cfg, trains_on=precision.device_type)
    clock = Clock(started=started, piece=piece)
    trainer.callbacks.append(clock)  # type: ignore[attr-defined]  # after those whose time it takes
    try:
        trainer.fit(build_module(cfg, precision), datamodule=datamodule)
    except Exception as error:
        if isinstance(error, (UserError, RunError)) or (cause := foreseen(error, cfg, str(device))) is None:
            raise
        raise cause from error
    if not clock.timed:
        raise datamodule.failure or RunError("the loader gave no more data while iterations were timed")
    return clock


@contextmanager
def _apart(cfg: DictConfig) -> Iterator[None]:
    """Keep a trial apart from what comes after it: lines, kernels, memory; a signal ends it at once."""
    loggers = [logging.getLogger(name) for name in ("esrgan_train", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    launched = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(_OF_LAUNCHERS)}
    for logger in loggers:
        logger.setLevel(logging.ERROR)  # the run says it all again
    try:
        with kernels_of(cfg), signals.raised("iterations were being timed for recipe.hours, nothing was written"):
            yield
    finally:
        os.environ.update(launched)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        gc.collect()
        give_back()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
