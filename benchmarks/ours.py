"""This project's training step, as configured, driven without a trainer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from esrgan_train.build import build_module
from esrgan_train.config import compose_config
from esrgan_train.training.gradients import gradients_of, mean_over_processes, norm_of
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Stage
from esrgan_train.training.precision import choose_precision

Batch = dict[str, Tensor]


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
    """The maths of ``ESRGANModule.training_step`` in a plain loop: no trainer, callbacks, log or schedule.

    Args:
        module: what to train; it is changed.
        stage: which losses count.
    """

    def __init__(self, module: ESRGANModule, stage: Stage) -> None:
        self.module = module
        self.stage: Stage = stage
        self.iterations = 0
        self.measured: dict[str, Tensor] = {}
        made: list[Optimizer] = module.configure_optimizers()
        by_player = dict(zip(module.players, made, strict=True))
        self.optimizers = [by_player[player] for player in module.active_players(stage)]

    def step(self, batch: Batch) -> None:
        """One iteration."""
        module = self.module
        self.measured = module.accumulate(module.arrange(batch), self.stage)
        gradients = [gradients_of(_parameters(optimizer)) for optimizer in self.optimizers]
        bad = (~torch.stack([value.detach().float() for value in self.measured.values()]).isfinite()).any().float()
        mean_over_processes([*(g for each in gradients for g in each), bad])
        norms = torch.stack([norm_of(each) for each in gradients])
        skip = ((bad > 0) | ~norms.isfinite().all()).float()
        for optimizer in self.optimizers:
            optimizer.found_inf = skip  # type: ignore[attr-defined]
            optimizer.step()
            optimizer.zero_grad()
        self.iterations += 1
        module.ema.update(module.generator, iteration=self.iterations, skip=skip)

    def losses(self) -> dict[str, float]:
        """Of the last step."""
        wanted = ("pixel", "perceptual", "d_real", "d_fake")
        return {name: float(self.measured[name].detach()) for name in wanted if name in self.measured}


def _parameters(optimizer: Optimizer) -> list[torch.nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
