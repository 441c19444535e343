"""One training run, from the composed configuration to the closing table."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import torch
from lightning import seed_everything
from omegaconf import DictConfig, OmegaConf

from esrgan_train import signals
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.branches import goes_on_in, left_behind, set_aside
from esrgan_train.build import build_datamodule, build_module, build_trainer
from esrgan_train.callbacks.summary import Summary
from esrgan_train.checks.features import random_features_on_trained_weights
from esrgan_train.checks.reading import check_reading
from esrgan_train.commands import command
from esrgan_train.config import (
    WHOLE_BATCH,
    changed_settings,
    check,
    name_experiment,
    options_without_effect,
    settings_of,
    validation_settings,
    whole_batch,
)
from esrgan_train.data.datamodule import StreamDataModule
from esrgan_train.ending import reporting_end
from esrgan_train.errors import RunError, UserError, given_as
from esrgan_train.files import replacing
from esrgan_train.launch import decide_together, rank, slurm_job, tell_children
from esrgan_train.loggers.metrics_csv import FILE_NAME, trim_rows
from esrgan_train.logs import hush_console, show
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.outcome import announce_best, check_outcome
from esrgan_train.resume import choose_place, folder_in_sweep, read_step
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import choose_precision

log = logging.getLogger(__name__)


def train(cfg: DictConfig) -> float | None:
    """Train as ``cfg`` says; return the value of ``optimized_metric``, if one is asked for.

    Everything is checked and built before the run folder exists.

    Raises:
        UserError: wrong options, data, weights or devices.
        StopRequestedError: a signal or ``trainer.max_time`` ended the run; it has saved.
        RunError: the run cannot go on.
    """
    if rank() > 0:
        hush_console()
    name_experiment(cfg)
    check(cfg)
    place = decide_together(lambda: _decide(cfg))
    if place["complete"]:
        log.info("%s", place["complete"])
        return None
    cfg.run_dir, cfg.ckpt_path = place["run_dir"], place["checkpoint"]
    seed_everything(cfg.seed, verbose=False)
    trainer = build_trainer(cfg)
    precision = choose_precision(cfg.trainer.precision, trainer.strategy.root_device.type)
    if precision.device_type == "cpu":
        keep_freed_memory()
    datamodule = build_datamodule(cfg)  # first: a mistyped folder should not wait for 548 MB of VGG19
    fingerprint = datamodule.fingerprint()
    module = build_module(
        cfg,
        precision,
        metadata={"data_fingerprint": fingerprint},
        settings=settings_of(cfg) | fingerprint | {WHOLE_BATCH: whole_batch(cfg, trainer.world_size)},
        measured=validation_settings(cfg) | {"held-out photos": datamodule.held_out()},
    )
    checkpoint = check_checkpoint(cfg, module) if cfg.ckpt_path is not None else None
    misread = check_reading(module.ema.module, module.metadata, lr_side=cfg.data.gt_size // cfg.upscale)

    run_dir = Path(cfg.run_dir)
    if rank() == 0:
        run_dir.mkdir(parents=True, exist_ok=True)
    with reporting_end(cfg, trainer, datamodule):
        if rank() == 0:
            prepare_run_dir(cfg, run_dir, checkpoint)
            announce(cfg, module, datamodule, precision.reason, trainer)
            if misread is not None:
                log.warning("%s", misread)
            if checkpoint is not None:
                announce_resume(cfg, checkpoint, module)
        if trainer.world_size > 1:
            tell_children(place)
        with signals.given_back():
            trainer.fit(module, datamodule=datamodule, ckpt_path=cfg.ckpt_path, weights_only=True)
        check_outcome(cfg, trainer, module)
        if rank() == 0:
            report(trainer, run_dir, cfg.model_name)
    return optimized_metric(cfg, trainer)


def _decide(cfg: DictConfig) -> dict[str, Any]:
    """Where this run writes, what it goes on from, and whether there is nothing left to do."""
    place = choose_place(
        experiment=cfg.experiment, run_dir=cfg.run_dir, ckpt_path=cfg.ckpt_path, slurm_job=slurm_job()
    )
    if place.checkpoint is None and cfg.run_dir is None and slurm_job() is None:
        place = place._replace(run_dir=folder_in_sweep() or place.run_dir)
    complete = None
    if cfg.ckpt_path == "auto" and place.checkpoint is not None:
        step = read_step(place.checkpoint)
        if step >= cfg.trainer.max_steps:
            complete = (
                f"{place.run_dir} is complete ({step} iterations): give trainer.max_steps above it to go on, or "
                "ckpt_path=null for a new run"
            )
    checkpoint = str(place.checkpoint) if place.checkpoint is not None else None
    return {"run_dir": str(place.run_dir), "checkpoint": checkpoint, "complete": complete}


def prepare_run_dir(cfg: DictConfig, run_dir: Path, checkpoint: dict[str, Any] | None) -> None:
    """Set aside what the run does not go on from, drop the rows that it will log anew, write the configuration."""
    resumed = Path(cfg.ckpt_path) if cfg.ckpt_path is not None else None
    step = checkpoint["global_step"] if checkpoint is not None and goes_on_in(run_dir, resumed) else -1
    set_aside(run_dir, left_behind(run_dir, resumed), after=step)
    trim_rows(run_dir / FILE_NAME, step)
    with replacing(run_dir / "config.yaml") as partial:
        partial.write_text(OmegaConf.to_yaml(cfg, resolve=True), encoding="utf-8")


def check_checkpoint(cfg: DictConfig, module: ESRGANModule) -> dict[str, Any]:
    """Make sure that ``ckpt_path`` continues this very network; return the checkpoint without its tensors.

    Raises:
        UserError: it holds another network, or no iteration is left to do.
    """
    with given_as("ckpt_path="):
        checkpoint = load_checkpoint(Path(cfg.ckpt_path))
    theirs, ours = checkpoint.get("esrgan_train"), module.metadata
    if theirs is None:
        raise UserError(f"ckpt_path={cfg.ckpt_path} was not written by esrgan_train: use init_from for weights")
    theirs = {"target": ours["target"], **theirs}  # early checkpoints do not name classes that were not discovered
    if any(theirs[key] != ours[key] for key in ("arch", "target", "options")):
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} holds generator {theirs['arch'] or theirs['target']} {theirs['options']}, "
            f"but this run asks for {ours['arch'] or ours['target']} {ours['options']}: give the same options"
        )
    if checkpoint["players"] != module.players:
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} was trained with the optimizers {', '.join(checkpoint['players'])}, but "
            f"this run has {', '.join(module.players)}: give the same stages (trainer.max_steps above "
            "loss.adversarial.start_step, the same losses), or start anew with init_from"
        )
    step = int(checkpoint["global_step"])
    if step >= cfg.trainer.max_steps:
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} has {step} iterations done: "
            f"give trainer.max_steps above it (it is {cfg.trainer.max_steps})"
        )
    return {name: checkpoint[name] for name in ("global_step", "settings")}


def announce_resume(cfg: DictConfig, checkpoint: dict[str, Any], module: ESRGANModule) -> None:
    """Say where the run goes on, and in one warning what is no longer as it was."""
    log.info("resuming      %s, after %d iterations", cfg.ckpt_path, checkpoint["global_step"])
    # Checkpoints of earlier versions do not tell the whole batch.
    before = {WHOLE_BATCH: module.settings[WHOLE_BATCH], **checkpoint["settings"]}
    changes = changed_settings(before, module.settings)
    if changes:
        log.warning("the run goes on, but not as it would have: changed %s", ", ".join(changes))


def announce(
    cfg: DictConfig, module: ESRGANModule, datamodule: StreamDataModule, why_precision: str, trainer: Any
) -> None:
    """Say what will run, and which option will have no effect."""
    objective, last = module.objective, cfg.trainer.max_steps
    names = {"generator": module.generator, "discriminator": module.discriminator}
    log.info("experiment    %s, recipe %s, seed %d", cfg.experiment, cfg.recipe.name, cfg.seed)
    for name, network in names.items():
        if network is not None:
            size = sum(p.numel() for p in network.parameters())
            log.info("%-13s %s, %s parameters", name, type(network).__name__, f"{size:,}")
    switch = min(objective.start_step, last) if objective.has_gan_stage else last
    stages = [f"pixel loss, iterations 1 to {switch:,}"] if switch else []
    stages += [f"all losses, {switch + 1:,} to {last:,}"] if switch < last else []
    log.info("stages        %s", "; ".join(stages))
    log.info("data          %s", datamodule.describe())
    log.info("batch         %s", describe_batch(cfg, trainer.world_size))
    log.info("device        %s, precision %s (%s)", device_name(module), module.precision.name, why_precision)
    log.info("run folder    %s", cfg.run_dir)
    for line in (*options_without_effect(cfg), *random_features_on_trained_weights(cfg)):
        log.warning("%s", line)
    warm = min(switch + objective.discriminator_warmup, last)
    if switch < warm:
        log.info("warm-up       to iteration %s the discriminator learns, unheard by the generator", f"{warm:,}")
        if warm == last:
            log.warning(
                "loss.adversarial.discriminator_warmup=%d is not over in trainer.max_steps=%d iterations: "
                "the adversarial loss never reaches the generator",
                objective.discriminator_warmup,
                last,
            )
    if objective.has_gan_stage and switch == last:
        log.warning(
            "loss.adversarial.start_step=%d is not reached in trainer.max_steps=%d iterations: "
            "this run is the pixel stage alone",
            objective.start_step,
            last,
        )


def describe_batch(cfg: DictConfig, processes: int) -> str:
    """The crops of an iteration, and what they are multiplied from."""
    size, accumulate = cfg.data.batch_size, cfg.training.accumulate
    factors = [f"{processes} processes"] if processes > 1 else []
    factors += [f"{accumulate} parts"] if accumulate > 1 else []
    made_of = f" ({' × '.join([*factors, str(size)])})" if factors else ""
    return f"{size * accumulate * processes} crops{made_of} of {cfg.data.gt_size} × {cfg.data.gt_size}"


def device_name(module: ESRGANModule) -> str:
    """The device in words."""
    if module.precision.device_type == "cuda":
        return torch.cuda.get_device_name()
    if module.precision.device_type == "cpu":
        return f"cpu ({torch.get_num_threads()} threads)"
    return module.precision.device_type


def report(trainer: Any, run_dir: Path, name: str) -> None:
    """The closing table and where everything lies."""
    summary = next((c for c in trainer.callbacks if isinstance(c, Summary)), None)
    if summary is not None and summary.validations:
        show(summary.table())
    previews = sorted((run_dir / "previews").glob("step_*.png"))
    model = run_dir / "model" / f"{name}.pth"
    paths = {"model": model, "curves": run_dir / "curves.png", "previews": previews[-1] if previews else None}
    for label, path in paths.items():
        if path is not None and path.exists():
            log.info("%-13s %s", label, path)
    announce_best(trainer, run_dir)
    if model.exists():
        log.info("use it        %s", command("esrgan_train.upscale", "PHOTO", "-o", "OUT", "--model", model))


def optimized_metric(cfg: DictConfig, trainer: Any) -> float | None:
    """The logged value that a sweep asks for.

    Raises:
        RunError: it is not finite, which no search can go by.
    """
    if cfg.optimized_metric is None:
        return None
    if cfg.optimized_metric not in trainer.callback_metrics:
        known = ", ".join(sorted(trainer.callback_metrics))
        raise UserError(f"optimized_metric={cfg.optimized_metric} was not logged: choose from {known}")
    value = float(trainer.callback_metrics[cfg.optimized_metric])
    if not math.isfinite(value):
        raise RunError(
            f"optimized_metric={cfg.optimized_metric} has come to {value}, which is no result: training has "
            "diverged; lower optimizer.pixel_lr or optimizer.lr"
        )
    return value
