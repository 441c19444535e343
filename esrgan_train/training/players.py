"""The players: networks that step in a stage, each with its optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer
from torch.profiler import record_function

from esrgan_train.training.ema import EMA
from esrgan_train.training.objective import Objective
from esrgan_train.training.schedule import Schedule
from esrgan_train.training.stages import Stage

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
StepOptimizer = Callable[[Optimizer], Any]


def plain_step(optimizer: Optimizer) -> None:
    """An optimizer's step, without a trainer."""
    optimizer.step()


class Player:
    """A network with the optimizer that moves it in one stage.

    Args:
        name: of the optimizer; checkpoints list them in their order.
        role: of the network, for the log.
        network: whose parameters are trained.
        stage: in which it steps.
        make_optimizer: (parameters) to an optimizer.
        schedule: (iterations done in the stage, iterations of the stage) to the factor of the learning rate.
        grad_clip: largest norm of the gradients; None does not clip.
        ema: the average of the network's weights, where one is kept.
    """

    optimizer: Optimizer

    def __init__(
        self,
        name: str,
        role: str,
        network: nn.Module,
        *,
        stage: Stage,
        make_optimizer: MakeOptimizer,
        schedule: Schedule,
        grad_clip: float | None,
        ema: EMA | None = None,
    ) -> None:
        self.name = name
        self.role = role
        self.network = network
        self.stage = stage
        self.ema = ema
        self._make_optimizer = make_optimizer
        self._schedule = schedule
        self._grad_clip = grad_clip
        self._configured: list[dict[str, Any]] = []

    def make_optimizer(self) -> Optimizer:
        """A fresh optimizer, which the player keeps."""
        self.optimizer = self._make_optimizer(self.network.parameters())
        for group in self.optimizer.param_groups:
            group["initial_lr"] = group["lr"]
        self._configured = [
            {name: value for name, value in group.items() if name != "params"}
            for group in self.optimizer.param_groups
        ]
        return self.optimizer

    def restore_settings(self) -> None:
        """Give the optimizer its configured settings: a checkpoint brings those of the run that saved it."""
        for group, settings in zip(self.optimizer.param_groups, self._configured, strict=True):
            group.update(settings)

    @property
    def learning_rate(self) -> float:
        """The one of the last step."""
        return float(self.optimizer.param_groups[0]["lr"])

    def gradients(self) -> list[Tensor]:
        """The gradients that are there."""
        return [p.grad for p in self.network.parameters() if p.grad is not None]

    def clip(self) -> Tensor:
        """Scale the gradients down to the largest norm allowed; the norm that they had, a scalar on the device."""
        norm = get_total_norm(self.gradients())
        if self._grad_clip is not None:
            clip_grads_with_norm_(self.network.parameters(), self._grad_clip, norm)
        return norm

    def step(self, *, done: int, max_steps: int, skip: Tensor, step_optimizer: StepOptimizer) -> None:
        """One step, after which the gradients are gone.

        Args:
            done: iterations done before it.
            max_steps: iterations of the whole training.
            skip: 1 if the step must change nothing, else 0; on the device, and a fused optimizer reads it there,
                so that nothing waits.
            step_optimizer: calls the optimizer's ``step``.
        """
        factor = self._schedule(*self.stage.progress(done, max_steps))
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        if all(group.get("fused") for group in self.optimizer.param_groups):
            self.optimizer.found_inf = skip  # type: ignore[attr-defined]
        elif skip:
            self.optimizer.zero_grad()  # a step without gradients changes nothing, but it is counted
        with record_function("esrgan/optimizers"):
            step_optimizer(self.optimizer)
            self.optimizer.zero_grad()
        if self.ema is not None:
            with record_function("esrgan/EMA"):
                self.ema.update(self.network, iteration=done + 1, skip=skip)


def make_players(
    objective: Objective,
    *,
    generator: nn.Module,
    discriminators: Mapping[str, nn.Module],
    ema: EMA,
    make_optimizers: Mapping[str, MakeOptimizer],
    schedule: Schedule,
    grad_clip: float | None,
) -> list[Player]:
    """The players of each stage, the generator's first, in the order in which checkpoints keep the optimizers."""
    players = []
    for stage in objective.stages.values():
        make = partial(Player, stage=stage, schedule=schedule, grad_clip=grad_clip)
        name = stage.generator_player
        players.append(make(name, "generator", generator, make_optimizer=make_optimizers[name], ema=ema))
        judges = [term.judge for term in stage.adversarial if term.judge in discriminators]
        players += [make(j, j, discriminators[j], make_optimizer=make_optimizers[j]) for j in judges]
    return players
