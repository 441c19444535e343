"""The messages at a run's start, resume and end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning import Trainer
from omegaconf import DictConfig

from esrgan_train.callbacks.best import BestOfStages, beats, worded
from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.callbacks.criterion import PIXEL_VALUE
from esrgan_train.callbacks.lookup import callback_of
from esrgan_train.callbacks.model_folder import ModelFolder
from esrgan_train.callbacks.summary import Summary
from esrgan_train.checks.effects import (
    augmentations_left_out,
    losses_left_out,
    optimizer_averages,
    options_without_effect,
    random_features_on_trained_weights,
    steps_left_out,
)
from esrgan_train.commands import command
from esrgan_train.data.datamodule import DataModule
from esrgan_train.devices import device_name
from esrgan_train.identity import changed_settings, crops_per_iteration
from esrgan_train.launch import Launch
from esrgan_train.logs import show
from esrgan_train.metrics.directions import mode_of
from esrgan_train.space import needed, too_little
from esrgan_train.training.checkpoint_io import best_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.stages import STAGE_NAMES, StageName

log = logging.getLogger(__name__)

_REMEDIES: dict[StageName, str] = {  # where the start was better
    "pixel": "give it more iterations, or a lower optimizer.pixel_lr",
    "gan": "see in previews/ whether texture makes up for it, or give a lower optimizer.lr",
}


def announce_start(
    cfg: DictConfig, launch: Launch, trainer: Trainer, module: ESRGANModule, datamodule: DataModule
) -> None:
    """What will run, and which options have no effect."""
    log.info("experiment    %s, recipe %s, seed %d", cfg.experiment, cfg.recipe.name, cfg.seed)
    for name, network in {"generator": module.generator, "discriminator": module.discriminator}.items():
        if network is not None:
            size = sum(p.numel() for p in network.parameters())
            log.info("%-13s %s, %s parameters", name, type(network).__name__, f"{size:,}")
    if cfg.init_from is not None and cfg.ckpt_path is None:
        log.info("init_from     %s", cfg.init_from)
    if module.step.teacher is not None:
        log.info("teacher       %s: %s", cfg.teacher, module.step.teacher)
    log.info("stages        %s", "; ".join(stages(module.objective, cfg.trainer.max_steps)))
    log.info("losses        %s", "; ".join(losses(module.objective, cfg.trainer.max_steps)))
    if optimizer_averages(cfg):
        log.info("average       the optimizer's own (%s), in place of EMA", cfg.optimizer.generator._target_)
    log.info("data          %s", datamodule.describe())
    if datamodule.training.source.has_photos:
        log.info("rendering     %s", datamodule.site)
    if datamodule.training.augmentations is not None:
        log.info("augmentation  %s", datamodule.training.augmentations)
    log.info("batch         %s", describe_batch(cfg, trainer.world_size))
    precision = module.precision
    device = device_name(trainer.strategy.root_device)
    log.info("device        %s, precision %s (%s)", device, precision.name, precision.reason)
    for line in exactness(module):
        log.info("exactness     %s", line)
    log.info("run folder    %s", cfg.run_dir)
    for line in options_without_effect(cfg, launch.arguments or ()):
        log.warning("%s", line)
    left_out = (*losses_left_out(cfg), *augmentations_left_out(cfg), *steps_left_out(cfg))
    for line in (*left_out, *random_features_on_trained_weights(cfg)):
        log.warning("%s", line)
    announce_gan_stage(module.objective, cfg.trainer.max_steps)


def stages(objective: Objective, last: int) -> Iterator[str]:
    """The stages of a run of ``last`` iterations."""
    switch = min(objective.start_step, last) if objective.has_gan_stage else last
    if switch:
        yield f"pixel loss, iterations 1 to {switch:,}"
    if switch < last:
        yield f"all losses, {switch + 1:,} to {last:,}"


def losses(objective: Objective, last: int) -> Iterator[str]:
    """The weights of the losses in each stage of a run of ``last`` iterations."""
    for stage in objective.stages.values():
        if stage.start < last:
            weights = ", ".join(f"{name} {weight:g}" for name, weight in stage.weights.items())
            yield f"{STAGE_NAMES[stage.name]}: {weights}"


def announce_gan_stage(objective: Objective, last: int) -> None:
    """The discriminator's warm-up, and warnings where a run of ``last`` iterations is too short for the stage."""
    if not objective.has_gan_stage:
        return
    if objective.start_step >= last:
        log.warning(
            "loss.adversarial.start_step=%d is not reached in trainer.max_steps=%d iterations: "
            "this run is the pixel stage alone",
            *(objective.start_step, last),
        )
        return
    warm = min(objective.start_step + objective.discriminator_warmup, last)
    if warm == objective.start_step:
        return
    log.info("warm-up       the discriminator learns alone to iteration %s", f"{warm:,}")
    if warm == last:
        log.warning(
            "loss.adversarial.discriminator_warmup=%d is not over in trainer.max_steps=%d iterations: "
            "the adversarial loss never reaches the generator",
            *(objective.discriminator_warmup, last),
        )


def announce_space(trainer: Trainer, module: ESRGANModule, run_dir: Path, *, done: int) -> None:
    """A warning if the disk does not hold what the run will write after ``done`` iterations."""
    if (lacking := too_little(needed(trainer, module, run_dir, done=done), run_dir)) is not None:
        log.warning("%s: %s", *lacking)


def describe_batch(cfg: DictConfig, processes: int) -> str:
    """The crops of an iteration, and the factors of their number."""
    size, accumulate = cfg.data.batch_size, cfg.training.accumulate
    factors = [f"{processes} processes"] if processes > 1 else []
    factors += [f"{accumulate} parts"] if accumulate > 1 else []
    product = f" ({' × '.join([*factors, str(size)])})" if factors else ""
    return f"{crops_per_iteration(cfg, processes)} crops{product} of {cfg.data.gt_size} × {cfg.data.gt_size}"


def exactness(module: ESRGANModule) -> Iterator[str]:
    """How far results repeat themselves, and what float32 means, where that is not as on a CPU."""
    kind = module.precision.device_type
    if kind != "cpu":
        deterministic = module.step.options.deterministic
        yield (
            "every result repeats itself bit for bit (training.deterministic=true)"
            if deterministic
            else "sums may be rounded otherwise from run to run (training.deterministic=false)"
        )
    if kind == "cuda" and module.precision.name == "32":
        yield "float32 convolutions multiply in TF32 where the GPU has it; validation does not"


def announce_resume(cfg: DictConfig, checkpoint: dict[str, Any], module: ESRGANModule) -> None:
    """Which checkpoint is resumed, and in one warning which settings are not as they were."""
    log.info("resuming      %s, after %d iterations", cfg.ckpt_path, checkpoint["global_step"])
    if changes := changed_settings(checkpoint["settings"], module.settings):
        log.warning("the run resumes, but not as it would have: changed %s", ", ".join(changes))


def announce_end(trainer: Trainer, run_dir: Path, model_name: str) -> None:
    """The closing table, and where the results are."""
    summary = callback_of(trainer, Summary)
    if summary is not None and summary.validations:
        show(summary.table())
    previews = sorted((run_dir / "previews").glob("step_*.png"))
    folder = ModelFolder(run_dir / "model", model_name)
    model = folder.folder / f"{model_name}.pth"
    paths = {
        "model": model,
        "page": run_dir / "report.html",
        "curves": run_dir / "curves.png",
        "previews": previews[-1] if previews else None,
    }
    for label, path in paths.items():
        if path is not None and path.exists():
            log.info("%-13s %s", label, path)
        if label == "model" and (note := folder.note()):
            log.info("%-13s %s", "holds", note["holds"])
    announce_best(trainer, run_dir)
    if model.exists():
        log.info("use it        %s", command("esrgan_train.upscale", "PHOTO", "-o", "OUT", "--model", model))


def announce_best(trainer: Trainer, run_dir: Path) -> None:
    """The best checkpoint of each stage; a warning if the start was better than that of the last stage."""
    if (checkpoints := callback_of(trainer, Checkpoints)) is None:
        return
    for stage, best in checkpoints.best.stages.items():
        monitor = checkpoints.best.criteria[stage].monitor
        log.info(
            "best          %s, of the %s: %s after %s iterations",
            *(run_dir / "checkpoints" / best_file(stage), STAGE_NAMES[stage]),
            *("the last" if best.value is None else worded(monitor, best), f"{best.step:,}"),
        )
    module = trainer.lightning_module
    assert isinstance(module, ESRGANModule)
    if line := worse_than_start(trainer, checkpoints.best, module.objective.stage_of(trainer.global_step)):
        log.warning("%s", line)


def worse_than_start(trainer: Trainer, found: BestOfStages, stage: StageName) -> str | None:
    """A warning for a stage whose best is not as good as the weights that the run started from.

    Where the last is taken for the best, its PSNR-Y is compared.
    """
    summary, best = callback_of(trainer, Summary), found.stages.get(stage)
    if summary is None or best is None:
        return None
    monitor, mode = found.criteria[stage].monitor, found.criteria[stage].mode
    value, which = best.value, "best"
    if value is None:
        monitor, mode, which = PIXEL_VALUE, mode_of(PIXEL_VALUE), "last"
        value = summary.validations.get(stage, {}).get(monitor.removeprefix("val/"))
    start = summary.start.get(monitor.removeprefix("val/"))
    if start is None or value is None or not beats(mode, start, value):
        return None
    return (
        f"the {which} {monitor} of the {STAGE_NAMES[stage]}, {value:.4g} after {best.step} iterations, is worse "
        f"than that of the start, {start:.4g}: {_REMEDIES[stage]}"
    )
