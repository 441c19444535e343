"""From the configuration to the objects of a run; nothing here writes to disk."""

from __future__ import annotations

import inspect
import logging
from contextlib import AbstractContextManager
from dataclasses import fields
from functools import partial
from typing import Any

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import nn

from esrgan_train import __version__
from esrgan_train.archs.discovery import Role
from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.checks.devices import device_of
from esrgan_train.checks.host_name import check_host_name
from esrgan_train.checks.terms import image_losses
from esrgan_train.checks.tree import locate
from esrgan_train.contracts.degradation import check_degradation, check_noise
from esrgan_train.contracts.losses import check_adversarial_loss, check_image_loss
from esrgan_train.contracts.networks import check_discriminator, check_generator
from esrgan_train.contracts.part import Part, in_words
from esrgan_train.contracts.reading import check_start
from esrgan_train.contracts.schedule import check_schedule
from esrgan_train.data.datamodule import DataModule, compose
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.site import Site
from esrgan_train.data.sources import Source, Sources
from esrgan_train.data.window import Window
from esrgan_train.errors import UserError, given_as
from esrgan_train.identity import Identity, config_hash
from esrgan_train.kernels import kernels_of_training
from esrgan_train.loggers.metrics_csv import MetricsCSV
from esrgan_train.modelfiles.classes import name_of
from esrgan_train.modelfiles.finite import check_weights
from esrgan_train.modelfiles.rebuild import load_into
from esrgan_train.modelfiles.weights import ModelFile, load_weights
from esrgan_train.training.checkpoint_io import DurableCheckpointIO
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.precision import Precision
from esrgan_train.training.stages import AdversarialTerm, Term
from esrgan_train.training.step import TrainingStep
from esrgan_train.training.strategy import TwoPlayerStrategy

log = logging.getLogger(__name__)

STREAM_OPTIONS = {field.name for field in fields(StreamOptions)}


def build(node: DictConfig, **also: Any) -> Any:
    """Instantiate ``node`` with the further arguments ``also``; a ``_partial_`` node gives a function.

    Raises:
        UserError: a value that the class refuses, in one line.
    """
    part = Part.of(node)
    try:
        make = instantiate(node, _partial_=True)  # objects in ``also`` must not be made into configuration
        return partial(make, **also) if node.get("_partial_") else make(**also)
    except Exception as error:  # noqa: BLE001 — the class may be a stranger's and raise anything
        cause = error.__cause__ or error if isinstance(error, InstantiationException) else error
        bug = part.is_ours and not isinstance(cause, (ValueError, TypeError, MisconfigurationException))
        if bug or isinstance(cause, UserError):
            raise cause from cause.__cause__
        reason = f"{type(cause).__name__}: {' '.join(str(cause).split())}"
        raise part.refusal(f"building it fails: {reason}", "fix it, or its options") from cause


def build_generator(cfg: DictConfig) -> nn.Module:
    """The generator with its first weights: those of ``init_from``, or as ``training.init`` says."""
    if cfg.target_noise is not None and cfg.init_from is None:
        raise UserError(
            f"experiment={cfg.experiment} (target_noise is on) makes the twin of a trained model, and only "
            "relatives can be mixed: give init_from=FILE, the .pth, .safetensors or .ckpt of that model"
        )
    generator: nn.Module = build(cfg.generator)
    lr_side = cfg.data.gt_size // cfg.upscale
    check_generator(generator, Part.of(cfg.generator), upscale=cfg.upscale, lr_side=lr_side)
    if cfg.init_from is not None:
        weights = _load_into(generator, "init_from", cfg.init_from, role="generator")
        if (warning := check_start(generator, weights, lr_side=lr_side)) is not None:
            log.warning("%s", warning)
    elif cfg.training.init == "weights":
        raise UserError(
            f"experiment={cfg.experiment} (training.init=weights) continues from a trained model: give "
            "init_from=FILE, the .pth, .safetensors or .ckpt of that model"
        )
    elif cfg.training.init == "bilinear" and isinstance(generator, SRVGGNetCompact):
        start_as_bilinear(generator)
    elif cfg.training.init == "bilinear":
        name = type(generator).__name__
        log.info("training.init=bilinear is for compact networks; %s keeps the first weights of its class", name)
    return generator


def build_discriminator(cfg: DictConfig) -> nn.Module:
    """The discriminator with its first weights: those of ``init_discriminator_from``, or as it builds itself."""
    discriminator: nn.Module = build(cfg.discriminator)
    check_discriminator(discriminator, Part.of(cfg.discriminator), gt_size=cfg.data.gt_size)
    if (file := cfg.init_discriminator_from) is not None:
        _load_into(discriminator, "init_discriminator_from", file, role="discriminator")
    return discriminator


def _load_into(network: nn.Module, option: str, file: str, *, role: Role) -> ModelFile:
    """Give a network the weights of the file that ``option`` names."""
    with given_as(f"{option}="):
        weights = load_weights(file, role=role)
    load_into(network, weights.state_dict, name=f"{option}={file}")
    check_weights(network, f"{option}={file}")
    return weights


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
        check_adversarial_loss(function, Part.of(loss.adversarial.function))
        options = {name: loss.adversarial[name] for name in ("weight", "discriminator_warmup")}
        adversarial.append(AdversarialTerm(function=function, **options))
    return Objective(terms=terms, adversarial=adversarial, start_step=loss.adversarial.start_step)


def _build_image_loss(cfg: DictConfig, name: str) -> Any:
    function = build(cfg.loss[name].function)
    part = Part.of(cfg.loss[name].function)
    check_image_loss(function, part, gt_size=cfg.data.gt_size, upscale=cfg.upscale)
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
    objective = build_objective(cfg)
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
    if (noise := parts["target_noise"]) is not None:
        check_noise(noise, Part.of(cfg.target_noise), upscale=cfg.upscale)
    trains_on = device_of(cfg.trainer.accelerator) if trains_on is None else trains_on
    return compose(build_sources(cfg), options, **parts, trains_on=trains_on, site=site)


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
