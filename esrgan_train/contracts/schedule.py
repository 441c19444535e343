"""A schedule gives the factor of the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esrgan_train.bounds import NonNegative, fits
from esrgan_train.contracts.part import Part, in_words


def check_schedule(schedule: Callable[[int, int], Any], part: Part, *, max_steps: int) -> None:
    """Ask a schedule that is not this package's for the first and the last iteration of a stage.

    Raises:
        UserError: it fails, or its result is no number from 0 on.
    """
    if part.is_ours:
        return
    for done in (0, max_steps - 1):
        remedy = "schedule(iterations done, iterations of the stage) must return a number from 0 on, such as 1.0"
        factor = part.call(schedule, done, max_steps, doing=f"schedule({done}, {max_steps})", remedy=remedy)
        if not fits(factor, NonNegative):
            given = factor if isinstance(factor, float) else in_words(factor)
            raise part.refusal(f"schedule({done}, {max_steps}) is {given}", remedy)
