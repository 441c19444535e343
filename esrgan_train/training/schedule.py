"""How the learning rate moves within a stage: pure functions of the iteration, so that nothing needs saving.

Each is called with the iterations done in the stage and the iterations the stage has, and returns the factor
by which the optimizer's learning rate is multiplied. Any callable of that form fits.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt, Le, MinLen

from esrgan_train.bounds import Count, Fraction, Wanted, WholeNumber, check_fields, shown
from esrgan_train.errors import UserError

Schedule = Callable[[int, int], float]


@dataclass(frozen=True, kw_only=True)
class Constant:
    """The same learning rate throughout, as published, after an optional warm-up.

    Args:
        warmup_steps: iterations over which it rises linearly at first, but at most a tenth of the stage.
    """

    warmup_steps: WholeNumber

    def __post_init__(self) -> None:
        check_fields(self, at="scheduler.")

    def __call__(self, done: int, steps: int) -> float:
        rising = self.rising(steps)
        return min(1.0, (done + 1) / rising) if rising else 1.0

    def rising(self, steps: int) -> int:
        """Iterations of the warm-up in a stage of ``steps`` iterations."""
        return min(self.warmup_steps, steps // 10)


@dataclass(frozen=True, kw_only=True)
class MultiStep(Constant):
    """Multiplied by ``gamma`` at each milestone.

    Args:
        milestones: iterations of the stage, ascending.
        gamma: factor of each milestone.
    """

    milestones: Annotated[Sequence[Count], MinLen(1)]
    gamma: Annotated[float, Gt(0), Le(1), Wanted("such as 0.5")]

    def __post_init__(self) -> None:
        super().__post_init__()
        milestones = list(self.milestones)
        if milestones != sorted(set(milestones)):
            raise UserError(f"scheduler.milestones={shown(milestones)}: give them in ascending order")

    def __call__(self, done: int, steps: int) -> float:
        passed = bisect_right(list(self.milestones), done)
        return super().__call__(done, steps) * float(self.gamma**passed)


@dataclass(frozen=True, kw_only=True)
class Cosine(Constant):
    """Falls along half a cosine to ``final_factor`` at the end of the stage.

    Source: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017.

    Args:
        final_factor: what is left at the end.
    """

    final_factor: Annotated[Fraction, Wanted("such as 0.01")]

    def __call__(self, done: int, steps: int) -> float:
        rising = self.rising(steps)
        progress = min(1.0, max(0, done - rising) / max(1, steps - rising))
        falling = self.final_factor + (1 - self.final_factor) * 0.5 * (1 + math.cos(math.pi * progress))
        return super().__call__(done, steps) * falling
