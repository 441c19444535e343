"""The teacher of a run, from the file that ``teacher`` names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from omegaconf import DictConfig, open_dict
from torch import nn

from esrgan_train.checks.teaching import FEATURES
from esrgan_train.checks.terms import image_losses
from esrgan_train.checks.tree import locate
from esrgan_train.errors import UserError, given_as
from esrgan_train.images.colour import channels_of
from esrgan_train.inference.geometry import Geometry, enlargement_of
from esrgan_train.losses.distillation import TeacherFeaturesLoss
from esrgan_train.modelfiles.finite import check_weights
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.training.features import Place, last_at_lr
from esrgan_train.training.objective import Objective
from esrgan_train.training.precision import Precision
from esrgan_train.training.teacher import Teacher

log = logging.getLogger(__name__)

_SIDE = 24  # pixels of a picture on which layers are looked for


def build_teacher(cfg: DictConfig) -> Teacher | None:
    """The model that losses compare with, tried on a training crop; None if no loss does.

    Raises:
        UserError: such a loss without a teacher, or a teacher that cannot be read, has another scale than the run,
            or does not take a training crop.
    """
    learning = list(_learning(cfg))
    file = cfg.get("teacher")
    if file is None:
        if learning:
            raise UserError(
                f"loss.{learning[0]} compares with a teacher, and there is none: give teacher=model.pth, or "
                f"loss.{learning[0]}.weight=0"
            )
        return None
    if not learning:
        log.warning("teacher=%s has no effect: no loss compares with it; give loss.teacher a weight", file)
        return None
    with given_as("teacher="):
        network = rebuild_generator(load_weights(file))
    check_weights(network, f"teacher={file}")
    teacher = Teacher(network, _geometry(network, cfg))
    _try(teacher, cfg)
    return teacher


def watch_features(objective: Objective, generator: nn.Module, teacher: Teacher | None) -> None:
    """Let a loss between feature maps see those of both networks."""
    losses = [each for each in objective.children() if isinstance(each, TeacherFeaturesLoss)]
    if losses and teacher is not None:
        student, taught = _places(generator, teacher)
        assert student is not None
        assert taught is not None
        for loss in losses:
            loss.watch(generator.get_submodule(student.layer), teacher.network.get_submodule(taught.layer))


def without_features_that_differ(cfg: DictConfig, generator: nn.Module, teacher: Teacher | None) -> DictConfig:
    """The configuration, without the loss between feature maps where their shapes differ, which is logged."""
    node = cfg.loss.get(FEATURES)
    if teacher is None or node is None or not node.weight:
        return cfg
    student, taught = _places(generator, teacher)
    if cfg.training.compile:
        reason = "training.compile=true hides the feature maps"
    elif student is None or taught is None:
        reason = "there are no feature maps of LR's size"
    elif student.channels != taught.channels:
        reason = f"the generator's feature maps have {student.channels} channels, the teacher's {taught.channels}"
    else:
        return cfg
    log.info("teacher       its outputs alone count: %s", reason)
    cfg = deepcopy(cfg)
    with open_dict(cfg.loss):
        cfg.loss[FEATURES] = None
    return cfg


def _places(generator: nn.Module, teacher: Teacher) -> list[Place | None]:
    side = teacher.geometry.fit(_SIDE)
    lr = torch.rand(1, teacher.geometry.channels, side, side, generator=torch.Generator().manual_seed(0))
    with isolate_rng(include_cuda=False):
        return [last_at_lr(network, lr) for network in (generator, teacher.network)]


def _learning(cfg: DictConfig) -> Iterator[str]:
    """The names of the losses that compare with a teacher."""
    for name, node in image_losses(cfg):
        path = node.function.get("_target_")
        if node.weight and "teacher_sr" in getattr(locate(f"loss.{name}.function._target_", path), "takes", ()):
            yield name


def _geometry(network: nn.Module, cfg: DictConfig) -> Geometry:
    with given_as(f"teacher={cfg.teacher}: "), isolate_rng(include_cuda=False):
        scale, multiple, channels = enlargement_of(deepcopy(network))
    if channels != (wanted := channels_of(cfg.colour)):
        raise UserError(
            f"teacher={cfg.teacher} takes pictures of {channels} channels, but colour={cfg.colour} has {wanted}: "
            "give a teacher of that kind, or another colour"
        )
    if scale != cfg.upscale:
        raise UserError(
            f"teacher={cfg.teacher} enlarges ×{scale}, but upscale={cfg.upscale}: give a teacher of "
            f"×{cfg.upscale}, or upscale={scale}"
        )
    return Geometry(scale=scale, radius=None, multiple=multiple, least=multiple, channels=channels)


def _try(teacher: Teacher, cfg: DictConfig) -> None:
    side = cfg.data.gt_size // cfg.upscale
    lr = torch.rand(1, teacher.geometry.channels, side, side, generator=torch.Generator().manual_seed(0))
    trial = Teacher(deepcopy(teacher.network), teacher.geometry)
    try:
        with isolate_rng(include_cuda=False):
            sr = trial(lr, Precision("32", "cpu", "a trial"))
    except Exception as error:  # the network may be of any make
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise UserError(
            f"teacher={cfg.teacher} does not take a training crop of {side}×{side} pixels ({reason}): give "
            "a larger data.gt_size, or another teacher"
        ) from error
    if sr.shape[-1] != cfg.data.gt_size or not sr.isfinite().all():
        fault = "NaN or infinity" if sr.shape[-1] == cfg.data.gt_size else f"{sr.shape[-1]} pixels a side"
        raise UserError(
            f"teacher={cfg.teacher} makes {fault} of a training crop of {side}×{side} pixels: give another teacher"
        )
