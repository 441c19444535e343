"""A loss against what a trained model makes of the same input."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class TeacherLoss(nn.Module):
    """The mean absolute difference between the output and a larger model's: knowledge distillation.

    The teacher's picture is a target without what no network can know of the original, so a small one can follow
    it further.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; on outputs of super-resolution as
    in He et al., "FAKD: Feature-Affinity Based Knowledge Distillation for Efficient Image Super-Resolution",
    ICIP 2020.

    Shape:
        sr (B, C, H, W), its target (not used) and teacher_sr, as sr, both around [0, 1] → float32 scalar.
    """

    takes = ("teacher_sr",)  # after the target, see ``Term``

    def forward(self, sr: Tensor, hr: Tensor, teacher_sr: Tensor) -> Tensor:  # noqa: ARG002
        """Return the loss, a scalar."""
        return (sr.float() - teacher_sr.float()).abs().mean()


class TeacherFeaturesLoss(nn.Module):
    """The mean absolute difference between the feature maps of the generator and its teacher, per mean of theirs.

    Both are what the last convolution on LR pixels is given. ``watch`` names those layers; a pass of the generator
    in which gradients flow, and any of the teacher's, is kept until the loss is computed.

    Source: Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015, with the identity for a regressor.

    Shape:
        sr and its target (not used), teacher_sr (not used: it makes sure that the teacher ran) → float32 scalar.
    """

    takes = ("teacher_sr",)  # after the target, see ``Term``
    holds_network = True  # it judges features, not the pictures that it is given

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, Tensor] = {}

    def watch(self, student: nn.Module, teacher: nn.Module) -> None:
        """Keep what these layers are given: (B, C, h, w), of equal shapes."""
        student.register_forward_pre_hook(
            lambda _, given: self._keep("student", given[0], torch.is_grad_enabled())
        )
        teacher.register_forward_pre_hook(lambda _, given: self._keep("teacher", given[0], True))

    def _keep(self, who: str, features: Tensor, wanted: bool) -> None:
        if wanted:
            self.seen[who] = features

    def forward(self, sr: Tensor, hr: Tensor, teacher_sr: Tensor) -> Tensor:  # noqa: ARG002
        """Return the loss, a scalar."""
        student, teacher = (self.seen.pop(who).float() for who in ("student", "teacher"))
        return (student - teacher).abs().mean() / teacher.abs().mean().clamp(min=1e-6)
