"""How the learning rate moves within a stage: pure functions of the iteration, so that nothing needs saving.

Each is called with the iterations done in the stage and the iterations the stage has, and returns the factor
by which the optimizer's learning rate is multiplied. Any callable of that form fits.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from esrgan_train.errors import UserError

Schedule = Callable[[int, int], float]


def warmup(done: int, steps: int, warmup_steps: int) -> float:
    """The linear rise over the first ``warmup_steps`` iterations, but at most a tenth of the stage; then 1."""
    rising = rise(steps, warmup_steps)
    return min(1.0, (done + 1) / rising) if rising else 1.0


def rise(steps: int, warmup_steps: int) -> int:
    """Iterations that the rise takes in a stage of ``steps``."""
    return min(warmup_steps, steps // 10)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The same learning rate throughout, as published, after an optional warm-up.

    Args:
        warmup_steps: iterations over which it rises, at least 0.
    """

    warmup_steps: int

    def __post_init__(self) -> None:
        _check_warmup(self.warmup_steps)

    def __call__(self, done: int, steps: int) -> float:
        """The factor after ``done`` of ``steps`` iterations of the stage."""
        return warmup(done, steps, self.warmup_steps)


@dataclass(frozen=True, kw_only=True)
class MultiStep:
    """Multiplied by ``gamma`` at each milestone.

    Args:
        milestones: iterations of the stage, ascending.
        gamma: in (0, 1].
        warmup_steps: iterations over which it rises at first, at least 0.
    """

    milestones: Sequence[int]
    gamma: float
    warmup_steps: int

    def __post_init__(self) -> None:
        _check_warmup(self.warmup_steps)
        milestones = list(self.milestones)
        if milestones != sorted(set(milestones)) or any(m < 1 for m in milestones) or not milestones:
            raise UserError(f"scheduler.milestones={milestones}: give ascending iterations from 1 on")
        if not 0 < self.gamma <= 1:
            raise UserError(f"scheduler.gamma={self.gamma}: give a number above 0 and up to 1, such as 0.5")

    def __call__(self, done: int, steps: int) -> float:
        """The factor after ``done`` of ``steps`` iterations of the stage."""
        passed = bisect_right(list(self.milestones), done)
        return warmup(done, steps, self.warmup_steps) * float(self.gamma**passed)


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Falls along half a cosine to ``final_factor`` at the end of the stage.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Args:
        final_factor: what is left at the end, in [0, 1].
        warmup_steps: iterations over which it rises at first, at least 0.
    """

    final_factor: float
    warmup_steps: int

    def __post_init__(self) -> None:
        _check_warmup(self.warmup_steps)
        if not 0 <= self.final_factor <= 1:
            raise UserError(f"scheduler.final_factor={self.final_factor}: give a number from 0 to 1, such as 0.01")

    def __call__(self, done: int, steps: int) -> float:
        """The factor after ``done`` of ``steps`` iterations of the stage."""
        rising = rise(steps, self.warmup_steps)
        progress = min(1.0, max(0, done - rising) / max(1, steps - rising))
        falling = self.final_factor + (1 - self.final_factor) * 0.5 * (1 + math.cos(math.pi * progress))
        return warmup(done, steps, rising) * falling


def _check_warmup(warmup_steps: int) -> None:
    if isinstance(warmup_steps, bool) or not isinstance(warmup_steps, int) or warmup_steps < 0:
        raise UserError(f"scheduler.warmup_steps={warmup_steps!r}: give a whole number of iterations from 0 on")
