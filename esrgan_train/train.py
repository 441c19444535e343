"""One training run, from the composed configuration to the closing table."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

from lightning import Trainer, seed_everything
from omegaconf import DictConfig, OmegaConf

from esrgan_train import signals
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.announce import announce_end, announce_resume, announce_space, announce_start
from esrgan_train.build import build_datamodule, build_module, build_trainer, kernels_of
from esrgan_train.config import check, with_upscale
from esrgan_train.contracts.reading import check_reading
from esrgan_train.data.datamodule import DataModule
from esrgan_train.ending import reporting_end
from esrgan_train.files import make_folder, replacing
from esrgan_train.hours.decision import lengths_for, with_lengths
from esrgan_train.identity import identity_of
from esrgan_train.launch import Launch
from esrgan_train.launchers import check_launched
from esrgan_train.loggers.metrics_csv import FILE_NAME, trim_rows
from esrgan_train.logs import silence_console
from esrgan_train.origin import write_origin
from esrgan_train.outcome import check_outcome, optimized_metric
from esrgan_train.ranks import broadcast_from_rank0, pass_to_children, rank, slurm_job
from esrgan_train.remote.url import masked
from esrgan_train.runs.abandoned import is_resumed_in, left_behind, set_aside
from esrgan_train.runs.checkpoints import check_checkpoint, read_step
from esrgan_train.runs.place import resolve_run_dir
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import choose_precision

log = logging.getLogger(__name__)

FROM_PYTHON = Launch()


def train(cfg: DictConfig, *, launch: Launch = FROM_PYTHON) -> float | None:
    """Train as ``cfg`` says; return the value of ``optimized_metric``, if one is asked for.

    A function of its arguments: ``cfg`` stays as it is, and runs may follow each other in one process. Everything
    is checked and built before the run folder exists.

    Args:
        cfg: a composed configuration, such as ``compose_config``'s.
        launch: how the run was started; names the command that resumes it.

    Raises:
        UserError: wrong options, data, weights or devices.
        StopRequestedError: a signal or ``trainer.max_time`` ended the run; it has saved.
        RunError: the run cannot continue.
    """
    if rank() > 0:
        silence_console()
    cfg = with_upscale(cfg)
    check(cfg)
    place = broadcast_from_rank0(lambda: resolve(cfg, launch), slow=cfg.recipe.get("hours") is not None)
    if place["complete"]:
        log.info("%s", place["complete"])
        return None
    cfg = with_lengths(cfg, place["lengths"])
    cfg.run_dir, cfg.ckpt_path = place["run_dir"], place["checkpoint"]
    with kernels_of(cfg):
        return _train(cfg, launch, place)


def _train(cfg: DictConfig, launch: Launch, place: dict[str, Any]) -> float | None:
    run = build_run(cfg)
    if rank() == 0:
        make_folder(Path(cfg.run_dir), option="run_dir")
    with reporting_end(cfg, launch, run.trainer, run.datamodule):
        if rank() == 0:
            start(cfg, launch, run)
            for line in (place["lengths"] or {}).get("said", []):
                log.info("hours         %s", line)
        if run.trainer.world_size > 1:
            pass_to_children(place)
        with signals.given_back():
            run.trainer.fit(run.module, datamodule=run.datamodule, ckpt_path=cfg.ckpt_path, weights_only=True)
        check_outcome(cfg, run.trainer, run.module)
        if rank() == 0:
            announce_end(run.trainer, Path(cfg.run_dir), cfg.model_name)
    return optimized_metric(cfg, run.trainer)


def resolve(cfg: DictConfig, launch: Launch, *, measuring: bool = True) -> dict[str, Any]:
    """Where this run writes, which checkpoint it resumes, what ``recipe.hours`` comes to, whether it is done."""
    run_dir, checkpoint = resolve_run_dir(
        experiment=cfg.experiment,
        run_dir=cfg.run_dir,
        ckpt_path=cfg.ckpt_path,
        slurm_job=slurm_job(),
        job_dir=launch.job_dir,
    )
    arguments = launch.arguments or ()
    lengths = lengths_for(cfg, arguments=arguments, checkpoint=checkpoint, measuring=measuring)
    complete, last = None, with_lengths(cfg, lengths).trainer.max_steps
    done = read_step(checkpoint) if cfg.ckpt_path == "auto" and checkpoint is not None else -1
    if done >= last:
        complete = (
            f"{run_dir} is complete ({done} iterations): give trainer.max_steps above it to resume, or "
            "ckpt_path=null for a new run"
        )
    resumed = str(checkpoint) if checkpoint is not None else None
    return {"run_dir": str(run_dir), "checkpoint": resumed, "complete": complete, "lengths": lengths}


class Run(NamedTuple):
    """What a run consists of, what is announced of a checkpoint to resume, and how others misread its model."""

    trainer: Trainer
    datamodule: DataModule
    module: ESRGANModule
    checkpoint: dict[str, Any] | None
    misread: str | None


def build_run(cfg: DictConfig) -> Run:
    """Build everything, and check it together; nothing is written."""
    seed_everything(cfg.seed, verbose=False)
    trainer = build_trainer(cfg)
    check_launched(trainer.num_devices, trainer.num_nodes)
    precision = choose_precision(cfg.trainer.precision, trainer.strategy.root_device)
    if precision.device_type == "cpu":
        keep_freed_memory()
    # First: a mistyped folder should not wait for 548 MB of VGG19.
    datamodule = build_datamodule(cfg, trains_on=precision.device_type)
    photos, held_out = datamodule.fingerprint(), datamodule.held_out()
    identity = identity_of(cfg, processes=trainer.world_size, photos=photos, held_out=held_out)
    module = build_module(cfg, precision, identity)
    checkpoint = check_checkpoint(cfg, module) if cfg.ckpt_path is not None else None
    misread = check_reading(module.ema.module, module.metadata, lr_side=cfg.data.gt_size // cfg.upscale)
    return Run(trainer, datamodule, module, checkpoint, misread)


def start(cfg: DictConfig, launch: Launch, run: Run) -> None:
    """Prepare the run folder, and announce what will run."""
    prepare_run_dir(cfg, run.checkpoint)
    write_origin(cfg, launch, run.module, run.datamodule, run.trainer)
    announce_start(cfg, launch, run.trainer, run.module, run.datamodule)
    done = run.checkpoint["global_step"] if run.checkpoint is not None else 0
    announce_space(run.trainer, run.module, Path(cfg.run_dir), done=done)
    if run.misread is not None:
        log.warning("%s", run.misread)
    if run.checkpoint is not None:
        announce_resume(cfg, run.checkpoint, run.module)


def prepare_run_dir(cfg: DictConfig, checkpoint: dict[str, Any] | None) -> None:
    """Set aside what is not resumed, drop the rows that will be logged again, write the configuration."""
    run_dir, resumed = Path(cfg.run_dir), Path(cfg.ckpt_path) if cfg.ckpt_path is not None else None
    step = checkpoint["global_step"] if checkpoint is not None and is_resumed_in(run_dir, resumed) else -1
    set_aside(run_dir, left_behind(run_dir, resumed), after=step)
    trim_rows(run_dir / FILE_NAME, step)
    with replacing(run_dir / "config.yaml") as partial:
        partial.write_text(masked(OmegaConf.to_yaml(cfg, resolve=True)), encoding="utf-8")
