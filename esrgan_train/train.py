"""One training run, from the composed configuration to the closing table."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Any

import rich
import torch
from lightning import seed_everything
from omegaconf import DictConfig, OmegaConf

from esrgan_train.archs.weights import load_checkpoint
from esrgan_train.build import build_datamodule, build_module, build_trainer
from esrgan_train.callbacks.summary import Summary
from esrgan_train.config import name_experiment
from esrgan_train.data.datamodule import DataModule
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.loggers.metrics_csv import FILE_NAME, trim_rows
from esrgan_train.logs import add_log_file, remove_log_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import choose_precision

log = logging.getLogger(__name__)


def train(cfg: DictConfig) -> float | None:
    """Train as ``cfg`` says; return the value of ``optimized_metric``, if one is asked for.

    Everything is checked and built before the run folder exists.

    Raises:
        UserError: wrong options, data, weights or devices.
    """
    name_experiment(cfg)
    refuse_several_processes(cfg)
    cfg.run_dir = str(choose_run_dir(cfg))
    seed_everything(cfg.seed, verbose=False)
    trainer = build_trainer(cfg)
    precision = choose_precision(cfg.trainer.precision, trainer.strategy.root_device.type)
    module = build_module(cfg, precision)
    datamodule = build_datamodule(cfg)
    resume_step = check_checkpoint(cfg, module) if cfg.ckpt_path is not None else None

    run_dir = Path(cfg.run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    handler = add_log_file(run_dir / "train.log")
    try:
        with replacing(run_dir / "config.yaml") as partial:
            partial.write_text(OmegaConf.to_yaml(cfg, resolve=True))
        announce(cfg, module, datamodule, precision.reason)
        if resume_step is not None:
            log.info("resuming      %s, after %d iterations", cfg.ckpt_path, resume_step)
            trim_rows(run_dir / FILE_NAME, resume_step)
        trainer.fit(module, datamodule=datamodule, ckpt_path=cfg.ckpt_path, weights_only=True)
        report(trainer, run_dir, cfg.experiment)
    except Exception:
        log.exception("training failed")
        raise
    finally:
        remove_log_file(handler)
    return optimized_metric(cfg, trainer)


def refuse_several_processes(cfg: DictConfig) -> None:
    """This version trains in one process; say so instead of training wrongly."""
    if cfg.trainer.num_nodes != 1 or str(cfg.trainer.devices) not in ("1", "auto"):
        raise UserError(
            f"trainer.devices={cfg.trainer.devices} trainer.num_nodes={cfg.trainer.num_nodes}: "
            "this version trains on one device; give trainer.devices=1 trainer.num_nodes=1"
        )


def choose_run_dir(cfg: DictConfig) -> Path:
    """``run_dir`` if given, the folder of the run that is resumed, or a new one that does not exist yet."""
    if cfg.run_dir is not None:
        return Path(cfg.run_dir)
    if cfg.ckpt_path is not None and Path(cfg.ckpt_path).parent.name == "checkpoints":
        return Path(cfg.ckpt_path).parent.parent
    stem = Path("runs", str(cfg.experiment), f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
    candidate, number = stem, 2
    while candidate.exists():
        candidate, number = stem.with_name(f"{stem.name}_{number}"), number + 1
    return candidate


def check_checkpoint(cfg: DictConfig, module: ESRGANModule) -> int:
    """Make sure that ``ckpt_path`` continues this very network; return its number of iterations."""
    checkpoint = load_checkpoint(Path(cfg.ckpt_path))
    theirs, ours = checkpoint.get("esrgan_train"), module.metadata
    if theirs is None:
        raise UserError(f"ckpt_path={cfg.ckpt_path} was not written by esrgan_train: use init_from for weights")
    if theirs["arch"] != ours["arch"] or theirs["options"] != ours["options"]:
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} holds generator {theirs['arch']} {theirs['options']}, "
            f"but this run asks for {ours['arch']} {ours['options']}: give the same options"
        )
    step = int(checkpoint["global_step"])
    if step >= cfg.trainer.max_steps:
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} has {step} iterations done: "
            f"give trainer.max_steps above it (it is {cfg.trainer.max_steps})"
        )
    return step


def announce(cfg: DictConfig, module: ESRGANModule, datamodule: DataModule, why_precision: str) -> None:
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
    log.info("batch         %d crops of %d × %d", cfg.data.batch_size, cfg.data.gt_size, cfg.data.gt_size)
    log.info("device        %s, precision %s (%s)", device_name(module), module.precision.name, why_precision)
    log.info("run folder    %s", cfg.run_dir)
    if objective.has_gan_stage and switch == last:
        log.warning(
            "loss.adversarial.start_step=%d is not reached in trainer.max_steps=%d iterations: "
            "this run is the pixel stage alone",
            objective.start_step,
            last,
        )


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
        rich.get_console().print(summary.table())
    previews = sorted((run_dir / "previews").glob("step_*.png"))
    model = run_dir / "model" / f"{name}.pth"
    paths = {"model": model, "curves": run_dir / "curves.png", "previews": previews[-1] if previews else None}
    for label, path in paths.items():
        if path is not None and path.exists():
            log.info("%-13s %s", label, path)
    if model.exists():
        log.info("use it        python -m esrgan_train.upscale PHOTO -o OUT --model %s", model)


def optimized_metric(cfg: DictConfig, trainer: Any) -> float | None:
    """The logged value that a sweep asks for."""
    if cfg.optimized_metric is None:
        return None
    if cfg.optimized_metric not in trainer.callback_metrics:
        known = ", ".join(sorted(trainer.callback_metrics))
        raise UserError(f"optimized_metric={cfg.optimized_metric} was not logged: choose from {known}")
    return float(trainer.callback_metrics[cfg.optimized_metric])
