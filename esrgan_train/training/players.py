"""Players: networks that step in a stage, each with its optimizer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer
from torch.profiler import record_function

from esrgan_train.devices import skips_when_fused
from esrgan_train.training.averaging import averages_itself, weights_to_evaluate
from esrgan_train.training.ema import EMA
from esrgan_train.training.schedule import Schedule
from esrgan_train.training.stages import Stage

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
StepOptimizer = Callable[[Optimizer], Any]


@dataclass(kw_only=True, eq=False)
class Player:
    """A network with the optimizer that updates it in one stage."""

    name: str  # of the optimizer; checkpoints list them in their order
    role: str  # of the network, for the log
    network: nn.Module
    stage: Stage
    make: MakeOptimizer
    schedule: Schedule
    grad_clip: float | None  # largest norm of the gradients; None does not clip
    ema: EMA | None = None  # the average of the network's weights, or the optimizer's own, where one is kept
    optimizer: Optimizer = field(init=False)
    _configured: list[dict[str, Any]] = field(init=False)  # the optimizer's settings

    def make_optimizer(self) -> Optimizer:
        """A fresh optimizer, which the player keeps."""
        self.optimizer = self.make(self.network.parameters())
        for group in self.optimizer.param_groups:
            group["initial_lr"] = group["lr"]
            if group.get("fused") and not self._skips_by_itself(group["params"]):
                group["fused"] = False  # it would step where it must not
        names = {"initial_lr", *setting_names(self.optimizer, self.make)}
        self._configured = [
            {name: value for name, value in group.items() if name in names}
            for group in self.optimizer.param_groups
        ]
        if averages_itself(self.optimizer):
            self.optimizer.train()  # type: ignore[attr-defined]
        return self.optimizer

    def _skips_by_itself(self, parameters: Iterable[Tensor]) -> bool:
        """Whether the optimizer heeds ``found_inf``, as torch's fused ones do on most devices."""
        heeds = getattr(self.optimizer, "_step_supports_amp_scaling", False)
        return bool(heeds) and all(skips_when_fused(parameter.device.type) for parameter in parameters)

    def restore_settings(self) -> None:
        """Give the optimizer its configured settings: a checkpoint brings those of the run that saved it."""
        for group, settings in zip(self.optimizer.param_groups, self._configured, strict=True):
            group.update(settings)

    def trial(self, *parameters: Tensor) -> Player:
        """A player as this one, with an optimizer of its own, for copies of ``parameters``."""
        network = nn.ParameterList([parameter.detach().clone() for parameter in parameters])
        player = replace(self, network=network, ema=None)
        player.make_optimizer()
        return player

    def gradients(self) -> list[Tensor]:
        """The gradients of the parameters that have one."""
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def clip(self) -> Tensor:
        """Scale the gradients down to the largest norm allowed; return the norm before, on the device."""
        norm = get_total_norm(self.gradients())
        if self.grad_clip is not None:
            clip_grads_with_norm_(self.network.parameters(), self.grad_clip, norm)
        return norm

    def step(self, *, done: int, max_steps: int, skip: Tensor, step_optimizer: StepOptimizer) -> None:
        """One step, after ``done`` of ``max_steps`` iterations; afterwards the gradients are gone.

        ``skip``, on the device, is 1 if the step must change nothing; a fused optimizer reads it there, for
        another one the host waits, and it is not stepped.
        ``step_optimizer`` calls the optimizer's ``step``.
        """
        factor = self.schedule(*self.stage.progress(done, max_steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        stepping: AbstractContextManager[Any] = nullcontext()
        stepped = True
        if all(group.get("fused") for group in self.optimizer.param_groups):
            self.optimizer.found_inf = skip  # type: ignore[attr-defined]
        elif skip:  # without gradients it would still count, or decay
            stepped, stepping = False, patch.object(self.optimizer, "step", _no_step)
        with record_function("esrgan/optimizers"), stepping:
            step_optimizer(self.optimizer)
            self.optimizer.zero_grad()
        if self.ema is not None:
            with record_function("esrgan/EMA"):
                if not averages_itself(self.optimizer):
                    self.ema.update(self.network, iteration=done + 1, skip=skip)
                elif stepped:
                    with weights_to_evaluate(self.optimizer):
                        self.ema.copy_from(self.network)


def setting_names(optimizer: Optimizer, make: MakeOptimizer) -> set[str]:
    """Names of what an optimizer takes; whatever else its groups hold is state, such as a count of steps."""
    return {*inspect.signature(type(optimizer)).parameters, *getattr(make, "keywords", ())} - {"params"}


def _no_step(closure: Callable[[], Any] | None = None) -> None:
    """In place of an optimizer's step."""
    if closure is not None:
        closure()
