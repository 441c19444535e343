"""Every loss between images that needs no weights."""

from __future__ import annotations

from torch import nn

from esrgan_train.losses.artifacts import ArtifactLoss
from esrgan_train.losses.colour import ChromaLoss, MeanColourLoss
from esrgan_train.losses.consistency import ConsistencyLoss
from esrgan_train.losses.distillation import TeacherLoss
from esrgan_train.losses.frequency import FocalFrequencyLoss, SpectrumLoss
from esrgan_train.losses.gradients import GradientLoss
from esrgan_train.losses.grid import GridLoss
from esrgan_train.losses.pixel import CharbonnierLoss
from esrgan_train.losses.structure import MSSSIMLoss, SSIMLoss

LOSSES: list[nn.Module] = [
    ArtifactLoss(),
    CharbonnierLoss(),
    ChromaLoss(),
    ConsistencyLoss(),
    FocalFrequencyLoss(),
    GradientLoss(),
    GridLoss(),
    MSSSIMLoss(),
    MeanColourLoss(),
    SSIMLoss(),
    SpectrumLoss(),
    TeacherLoss(),
]
