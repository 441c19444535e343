"""From the configuration to the objects of a run; nothing here writes to disk."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from omegaconf import DictConfig, OmegaConf
from torch import nn

from esrgan_train import __version__
from esrgan_train.archs.checks import check_weights
from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.checks.reading import check_start
from esrgan_train.contracts.degradation import check_degradation, check_noise
from esrgan_train.contracts.discriminator import check_discriminator
from esrgan_train.contracts.generator import check_generator
from esrgan_train.contracts.loss import check_adversarial_loss, check_image_loss
from esrgan_train.contracts.part import Part
from esrgan_train.contracts.schedule import check_schedule
from esrgan_train.data.datamodule import StreamDataModule
from esrgan_train.data.window import Window
from esrgan_train.errors import UserError, given_as
from esrgan_train.identity import Identity, config_hash
from esrgan_train.loggers.metrics_csv import MetricsCSV
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.modelfiles.rebuild import load_into
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.training.checkpoint_io import DurableCheckpointIO
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.precision import Precision
from esrgan_train.training.strategy import TwoPlayerStrategy

log = logging.getLogger(__name__)


def build(node: DictConfig, **also: Any) -> Any:
    """Instantiate ``node`` with the further arguments ``also``; a ``_partial_`` node gives a function.

    Raises:
        UserError: a value that the class refuses, in one line.
    """
    try:
        make = instantiate(node, _partial_=True)  # objects in ``also`` must not be made into configuration
        return partial(make, **also) if node.get("_partial_") else make(**also)
    except Exception as error:  # noqa: BLE001 — the class may be a stranger's and raise anything
        wrapped = isinstance(error, InstantiationException) and error.__cause__ is not None
        cause = error.__cause__ if wrapped else error
    assert cause is not None
    if isinstance(cause, UserError):
        raise cause
    part = Part.of(node)
    if part.is_ours and not isinstance(cause, (ValueError, TypeError, MisconfigurationException)):
        raise cause
    reason = f"{type(cause).__name__}: {' '.join(str(cause).split())}"
    raise part.refusal(f"building it fails: {reason}", "correct it, or its options") from cause


def build_generator(cfg: DictConfig) -> nn.Module:
    """The generator with its first weights: those of ``init_from``, or as ``training.init`` says."""
    if cfg.target_noise is not None and cfg.init_from is None:
        raise UserError(
            f"experiment={cfg.experiment} (target_noise is on) makes the twin of a trained model, and only "
            "relatives can be mixed: give init_from=FILE, the .pth, .safetensors or .ckpt of that model"
        )
    generator: nn.Module = build(cfg.generator)
    check_generator(
        generator, Part.of(cfg.generator), upscale=cfg.upscale, lr_side=cfg.data.gt_size // cfg.upscale
    )
    if cfg.init_from is not None:
        name = f"init_from={cfg.init_from}"
        with given_as("init_from="):
            model = load_weights(cfg.init_from)
        load_into(generator, model.state_dict, name=name)
        check_weights(generator, name)
        if (warning := check_start(generator, model, lr_side=cfg.data.gt_size // cfg.upscale)) is not None:
            log.warning("%s", warning)
    elif cfg.training.init == "weights":
        raise UserError(
            f"experiment={cfg.experiment} (training.init=weights) goes on from a trained model: give "
            "init_from=FILE, the .pth, .safetensors or .ckpt of that model"
        )
    elif cfg.training.init == "bilinear":
        if isinstance(generator, SRVGGNetCompact):
            start_as_bilinear(generator)
        else:
            log.info(
                "training.init=bilinear is for compact networks; %s starts as it builds itself",
                type(generator).__name__,
            )
    elif cfg.training.init != "default":
        raise UserError(f"training.init={cfg.training.init} is not known: give default, bilinear or weights")
    return generator


def build_discriminator(cfg: DictConfig) -> nn.Module:
    """The discriminator with its first weights: those of ``init_discriminator_from``, or as it builds itself."""
    discriminator: nn.Module = build(cfg.discriminator)
    check_discriminator(discriminator, Part.of(cfg.discriminator), gt_size=cfg.data.gt_size)
    if (file := cfg.init_discriminator_from) is not None:
        name = f"init_discriminator_from={file}"
        with given_as("init_discriminator_from="):
            weights = load_weights(file, role="discriminator")
        load_into(discriminator, weights.state_dict, name=name)
        check_weights(discriminator, name)
    return discriminator


def build_objective(cfg: DictConfig) -> Objective:
    """The losses of the ``loss`` group; those with weight 0 are not even built."""
    functions = {
        name: build(cfg.loss[name].function)
        for name in ("pixel", "perceptual", "adversarial")
        if cfg.loss[name].weight or name == "pixel"
    }
    for name, function in functions.items():
        part = Part.of(cfg.loss[name].function)
        if name == "adversarial":
            check_adversarial_loss(function, part)
        else:
            check_image_loss(function, part, gt_size=cfg.data.gt_size)
    return Objective(
        pixel=functions["pixel"],
        perceptual=functions.get("perceptual"),
        adversarial=functions.get("adversarial"),
        **{f"{name}_weight": cfg.loss[name].weight for name in ("pixel", "perceptual", "adversarial")},
        start_step=cfg.loss.adversarial.start_step,
        discriminator_warmup=cfg.loss.adversarial.discriminator_warmup,
    )


def build_options(cfg: DictConfig) -> Options:
    """The ``training`` group, less what data and first weights take from it."""
    return Options(**{name: value for name, value in cfg.training.items() if name not in ("usm", "init")})


def build_module(cfg: DictConfig, precision: Precision, identity: Identity | None = None) -> ESRGANModule:
    """Networks, losses, optimizers and the training step; its checkpoints keep ``identity``.

    The discriminator is built only if its stage can come. Seed the random numbers before: they make the
    networks' first weights.
    """
    generator = build_generator(cfg)
    objective = build_objective(cfg)
    wanted = objective.adversarial is not None and cfg.trainer.max_steps > objective.start_step
    optimizer = cfg.optimizer
    schedule = build(cfg.scheduler)
    check_schedule(schedule, Part.of(cfg.scheduler), max_steps=cfg.trainer.max_steps)
    return ESRGANModule(
        generator=generator,
        discriminator=build_discriminator(cfg) if wanted else None,
        objective=objective,
        make_optimizers={
            "pixel": build(optimizer.generator, lr=optimizer.pixel_lr),
            "generator": build(optimizer.generator),
            "discriminator": build(optimizer.discriminator),
        },
        schedule=schedule,
        upscale=cfg.upscale,
        seed=cfg.seed,
        options=build_options(cfg),
        precision=precision,
        metadata=describe(generator, cfg) | ({"data_fingerprint": identity.photos} if identity else {}),
        settings=identity.settings if identity else {},
        measured=identity.measured if identity else {},
    )


def build_datamodule(cfg: DictConfig) -> StreamDataModule:
    """The photographs and what degrades them."""
    parts = {name: None if cfg[name] is None else build(cfg[name]) for name in ("degradation", "target_noise")}
    if (degradation := parts["degradation"]) is not None:
        lr_side = Window(cfg.data.gt_size, cfg.upscale).side // cfg.upscale
        check_degradation(degradation, Part.of(cfg.degradation), upscale=cfg.upscale, lr_side=lr_side)
    if (noise := parts["target_noise"]) is not None:
        check_noise(noise, Part.of(cfg.target_noise), upscale=cfg.upscale)
    return build(cfg.data, **parts)  # type: ignore[no-any-return]


def build_trainer(cfg: DictConfig) -> Trainer:
    """Lightning's trainer, counting in iterations, with this run's callbacks and loggers.

    Lightning's own checkpoints, progress bar and model summary give way to this project's callbacks, and
    the networks' number format is the module's affair.
    """
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
        plugins=[DurableCheckpointIO()],
    )
    trainer: Trainer = make()
    if isinstance(trainer.strategy, DDPStrategy):
        trainer = make(strategy=TwoPlayerStrategy())
    elif not isinstance(trainer.strategy, SingleDeviceStrategy):
        raise UserError(f"trainer.strategy={cfg.trainer.strategy} does not fit two players: give auto or ddp")
    return trainer


def describe(generator: nn.Module, cfg: DictConfig) -> dict[str, Any]:
    """Plain values that go into every checkpoint and model file of a run.

    By ``arch`` or ``target``, and ``options``, other commands rebuild the generator; the rest says where it comes
    from.
    """
    options = OmegaConf.to_container(cfg.generator, resolve=True)
    assert isinstance(options, dict)
    return {
        **name_of(generator),
        "options": {str(k): v for k, v in options.items() if not str(k).startswith("_")},
        "upscale": cfg.upscale,
        "name": cfg.model_name,
        "experiment": cfg.experiment,
        "config_hash": config_hash(cfg),
        "version": __version__,
    }
