"""This project's training step, as configured, driven without a trainer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from esrgan_train.build import build_module
from esrgan_train.config import compose_config
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import choose_precision

Batch = dict[str, Tensor]
MAX_STEPS = 1000  # with a constant learning rate it has no effect


def make_module(overrides: Sequence[str], *, seed: int = 0) -> ESRGANModule:
    """The module that ``overrides`` configure, for the CPU."""
    cfg = compose_config(["trainer.accelerator=cpu", *overrides])
    torch.manual_seed(seed)
    return build_module(cfg, choose_precision(cfg.trainer.precision, "cpu"))


def random_batch(*, batch_size: int, gt_size: int, upscale: int, seed: int = 1) -> Batch:
    """Smooth random images: lr, hr, hr_target. Noise alone would be no task, and its losses would show nothing."""
    drawn = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch_size, 3, gt_size // 8, gt_size // 8, generator=drawn)
    hr = torch.nn.functional.interpolate(coarse, size=(gt_size, gt_size), mode="bilinear")
    target = (hr + 0.02 * torch.randn(hr.shape, generator=drawn)).clamp(0, 1)
    return {"lr": torch.nn.functional.avg_pool2d(hr, upscale), "hr": hr, "hr_target": target}


class BareStep:
    """The step of ``ESRGANModule`` in a plain loop: no trainer, callbacks or log.

    Args:
        module: what to train; it is changed. Its options keep it in one stage.
    """

    def __init__(self, module: ESRGANModule) -> None:
        self.module = module
        self.iterations = 0
        self.measured: dict[str, Tensor] = {}
        module.step.make_optimizers()

    def step(self, batch: Batch) -> None:
        """One iteration."""
        self.measured, _ = self.module.step(batch, done=self.iterations, max_steps=MAX_STEPS)
        self.iterations += 1

    def losses(self) -> dict[str, float]:
        """Of the last step."""
        wanted = ("pixel", "perceptual", "d_real", "d_fake")
        return {name: float(self.measured[name].detach()) for name in wanted if name in self.measured}
