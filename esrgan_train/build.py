"""From the configuration to the objects of a run; nothing here writes to disk."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager
from dataclasses import fields
from functools import partial
from typing import Any

from lightning import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import nn

from esrgan_train import __version__
from esrgan_train.augmentations import build_augmentations
from esrgan_train.building import build
from esrgan_train.checks.devices import device_of
from esrgan_train.checks.host_name import check_host_name
from esrgan_train.checks.terms import image_losses
from esrgan_train.checks.tree import locate
from esrgan_train.contracts.degradation import check_degradation, check_noise
from esrgan_train.contracts.losses import check_adversarial_loss, check_image_loss
from esrgan_train.contracts.networks import check_discriminator, check_generator
from esrgan_train.contracts.part import Part, in_words
from esrgan_train.contracts.schedule import check_schedule
from esrgan_train.contracts.steps import check_steps
from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.real_pictures import RealPictures
from esrgan_train.data.site import Site
from esrgan_train.data.sources import Source, Sources
from esrgan_train.data.window import Window
from esrgan_train.degradation.chain import Chain
from esrgan_train.errors import UserError
from esrgan_train.first_weights import load_from, start_generator
from esrgan_train.identity import Identity, config_hash
from esrgan_train.images.colour import channels_of
from esrgan_train.kernels import kernels_of_training
from esrgan_train.loggers.metrics_csv import MetricsCSV
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.teaching import build_teacher, watch_features, without_features_that_differ
from esrgan_train.training.checkpoint_io import DurableCheckpointIO
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.precision import Precision
from esrgan_train.training.stages import AdversarialTerm, Term
from esrgan_train.training.step import TrainingStep
from esrgan_train.training.strategy import TwoPlayerStrategy

STREAM_OPTIONS = {field.name for field in fields(StreamOptions)}


def build_generator(cfg: DictConfig) -> nn.Module:
    """The generator with its first weights: those of ``init_from``, or as ``training.init`` says."""
    if cfg.target_noise is not None and cfg.init_from is None:
        raise UserError(
            f"experiment={cfg.experiment} (target_noise is on) makes the twin of a trained model, and only "
            "relatives can be mixed: give init_from=FILE, the .pth, .safetensors or .ckpt of that model"
        )
    generator: nn.Module = build(cfg.generator)
    pictures = {"lr_side": cfg.data.gt_size // cfg.upscale, "channels": channels_of(cfg.colour)}
    check_generator(generator, Part.of(cfg.generator), upscale=cfg.upscale, **pictures)
    start_generator(generator, cfg)
    return generator


def build_discriminator(cfg: DictConfig) -> nn.Module:
    """The discriminator with its first weights: those of ``init_discriminator_from``, or as it builds itself."""
    discriminator: nn.Module = build(cfg.discriminator)
    pictures = {"gt_size": cfg.data.gt_size, "channels": channels_of(cfg.colour)}
    check_discriminator(discriminator, Part.of(cfg.discriminator), **pictures)
    if cfg.init_discriminator_from is not None:
        load_from(discriminator, "init_discriminator_from", cfg, role="discriminator")
    return discriminator


def build_objective(cfg: DictConfig) -> Objective:
    """The losses of the ``loss`` group; those with weight 0 are not even built, but for the pixel loss."""
    loss = cfg.loss
    terms = [
        Term(name=name, function=_build_image_loss(cfg, name), **_options_of(node, "function", "features"))
        for name, node in image_losses(cfg)
        if node.weight or name == "pixel"
    ]
    adversarial = []
    if loss.adversarial.weight:
        function = build(loss.adversarial.function)
        part = Part.of(loss.adversarial.function)
        check_adversarial_loss(function, part, accumulate=cfg.training.accumulate)
        options = _options_of(loss.adversarial, "function", "start_step")
        adversarial.append(AdversarialTerm(function=function, **options))
    return Objective(terms=terms, adversarial=adversarial, start_step=loss.adversarial.start_step)


def _build_image_loss(cfg: DictConfig, name: str) -> Any:
    function, part = build(cfg.loss[name].function), Part.of(cfg.loss[name].function)
    channels = channels_of(cfg.colour)
    check_image_loss(function, part, gt_size=cfg.data.gt_size, upscale=cfg.upscale, channels=channels)
    return function


def _options_of(node: DictConfig, *without: str) -> dict[str, Any]:
    """What a term's node says besides; its lists as tuples."""
    values = {str(name): node[name] for name in node if name not in without}
    return {name: tuple(value) if OmegaConf.is_list(value) else value for name, value in values.items()}


def build_step(cfg: DictConfig, precision: Precision) -> TrainingStep:
    """Networks, losses and optimizers of an iteration.

    The discriminator is built only if its stage can come. Seed the random numbers before: they make the
    networks' first weights.
    """
    generator = build_generator(cfg)
    teacher = build_teacher(cfg)
    objective = build_objective(without_features_that_differ(cfg, generator, teacher))
    watch_features(objective, generator, teacher)
    judged = "gan" in objective.stages and objective.stages["gan"].adversarial
    schedule = build(cfg.scheduler)
    check_schedule(schedule, Part.of(cfg.scheduler), max_steps=cfg.trainer.max_steps)
    wanted = judged and cfg.trainer.max_steps > objective.start_step
    return TrainingStep(
        generator=generator,
        discriminators={"discriminator": build_discriminator(cfg)} if wanted else {},
        objective=objective,
        make_optimizers={
            "pixel": build(cfg.optimizer.generator, lr=cfg.optimizer.pixel_lr),
            "generator": build(cfg.optimizer.generator),
            "discriminator": build(cfg.optimizer.discriminator),
        },
        schedule=schedule,
        precision=precision,
        options=Options(**{name: cfg.training[name] for name in cfg.training if name not in ("usm", "init")}),
        seed=cfg.seed,
        teacher=teacher,
    )


def build_module(cfg: DictConfig, precision: Precision, identity: Identity | None = None) -> ESRGANModule:
    """The training step behind Lightning's hooks; its checkpoints keep ``identity``.

    Seed the random numbers before, see ``build_step``.
    """
    step = build_step(cfg, precision)
    return ESRGANModule(
        step,
        upscale=cfg.upscale,
        metadata=describe(step.generator, cfg) | ({"data_fingerprint": identity.photos} if identity else {}),
        settings=identity.settings if identity else None,
        measured=identity.measured if identity else None,
    )


def build_datamodule(cfg: DictConfig, *, trains_on: str | None = None, site: Site | None = None) -> DataModule:
    """The photographs and what degrades them.

    Args:
        cfg: the configuration.
        trains_on: type of the device that trains; None: the one that ``trainer.accelerator`` stands for.
        site: where LR is made; None: as ``degradation.device`` says.
    """
    values = OmegaConf.to_container(cfg.data, resolve=True)
    assert isinstance(values, dict)
    options = StreamOptions(**{str(name): value for name, value in values.items() if name in STREAM_OPTIONS})
    parts = {name: None if cfg[name] is None else build(cfg[name]) for name in ("degradation", "target_noise")}
    if (degradation := parts["degradation"]) is not None:
        lr_side = Window(options.gt_size, options.upscale).side // options.upscale
        check_degradation(degradation, Part.of(cfg.degradation), upscale=cfg.upscale, lr_side=lr_side)
        if isinstance(degradation, Chain):
            check_steps(degradation, cfg.degradation, upscale=cfg.upscale, lr_side=lr_side)
    if (noise := parts["target_noise"]) is not None:
        check_noise(noise, Part.of(cfg.target_noise), upscale=cfg.upscale)
    trains_on = device_of(cfg.trainer.accelerator) if trains_on is None else trains_on
    parts["augmentations"] = build_augmentations(cfg)
    sources = build_sources(cfg)
    return compose(
        sources, options, **parts, trains_on=trains_on, site=site, real=build_real_pictures(cfg, options)
    )


def build_real_pictures(cfg: DictConfig, options: StreamOptions) -> RealPictures | None:
    """The pictures below ``data.val_lr_dir``; None without it, and where it is the LR side of held-out pairs."""
    of_source = inspect.signature(locate("data._target_", cfg.data._target_)).parameters
    if options.val_lr_dir is None or "val_lr_dir" in of_source:
        return None
    return RealPictures(options.val_lr_dir, options)


def build_sources(cfg: DictConfig) -> Sources:
    """What the function at ``data._target_`` returns, called with the keys of ``data`` that it takes."""
    node = cfg.data.copy()
    taken = inspect.signature(locate("data._target_", node._target_)).parameters
    with open_dict(node):
        for name in STREAM_OPTIONS - taken.keys():
            node.pop(name, None)
    sources = build(node)
    if not (isinstance(sources, tuple) and all(isinstance(source, Source) for source in sources[:2])):
        raise Part.of(cfg.data).refusal(
            f"it returns {in_words(sources)}", "it must return esrgan_train.data.sources.Sources"
        )
    return Sources(*sources)


def kernels_of(cfg: DictConfig) -> AbstractContextManager[None]:
    """How a GPU computes during this run, from before anything is built to the end."""
    return kernels_of_training(
        deterministic=cfg.training.get("deterministic") is True, benchmark=bool(cfg.trainer.get("benchmark"))
    )


def build_trainer(cfg: DictConfig) -> Trainer:
    """Lightning's trainer, counting in iterations, with this run's callbacks and loggers.

    This project's callbacks replace Lightning's checkpoints, progress bar and model summary; the module chooses
    the networks' number format.
    """
    if cfg.trainer.get("deterministic") is not None:
        raise UserError("trainer.deterministic sets too little here: give training.deterministic=true instead")
    callbacks: list[Callback] = [build(node) for node in cfg.callbacks.values() if node is not None]
    loggers: list[Logger] = [build(node) for node in (cfg.get("logger") or {}).values() if node is not None]
    if not any(isinstance(logger, MetricsCSV) for logger in loggers):
        loggers.insert(0, MetricsCSV(run_dir=cfg.run_dir))  # curves.png and compare read it: it cannot be left out
    make = partial(
        build,
        cfg.trainer,
        precision="32-true",
        callbacks=callbacks,
        logger=loggers,
        max_epochs=-1,
        check_val_every_n_epoch=None,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        max_time=None,  # callbacks.interrupt counts it, and saves
        deterministic=None,  # training.deterministic sets more, and gives it back
        benchmark=None,  # so does the run
        plugins=[DurableCheckpointIO()],
    )
    trainer: Trainer = make()
    if isinstance(trainer.strategy, DDPStrategy):
        trainer = make(strategy=TwoPlayerStrategy())
        check_reachable(trainer)
    elif not isinstance(trainer.strategy, SingleDeviceStrategy):
        raise UserError(f"trainer.strategy={cfg.trainer.strategy} does not fit two players: give auto or ddp")
    return trainer


def check_reachable(trainer: Trainer) -> None:
    """``UserError`` if other nodes of the run cannot reach this one."""
    environment = trainer.strategy.cluster_environment  # type: ignore[attr-defined]
    if environment is not None and trainer.num_nodes > 1:
        check_host_name(trainer.num_nodes, environment.main_address)


def describe(generator: nn.Module, cfg: DictConfig) -> dict[str, Any]:
    """Plain values for every checkpoint and model file of a run.

    ``arch`` or ``target``, and ``options``, rebuild the generator; the rest says where it comes from.
    """
    options, card = (OmegaConf.to_container(cfg[group], resolve=True) for group in ("generator", "card"))
    assert isinstance(options, dict)
    assert isinstance(card, dict)
    return {
        **name_of(generator),
        "options": {str(k): v for k, v in options.items() if not str(k).startswith("_")},
        "upscale": cfg.upscale,
        "colour": cfg.colour,
        "name": cfg.model_name,
        "experiment": cfg.experiment,
        "config_hash": config_hash(cfg),
        "version": __version__,
    } | {name: plain for name in ("author", "licence") if (plain := card[name])}
