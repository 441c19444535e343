"""A clock that stops while held-out photographs are measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.proof.measures import planes
from benchmarks.proof.photographs import Picture
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.inference.models import upscale
from esrgan_train.metrics.image_quality import psnr_y

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Point:
    """Where a training is: seconds of training alone, iterations, and the mean PSNR-Y of held-out photographs."""

    seconds: float
    iterations: int
    psnr_y: float


class Timekeeper:
    """Measures at the start, about every ``every`` seconds of training, and at the end.

    Args:
        score: PSNR-Y of averaged weights.
        seconds: of training; the iteration in which they are over is the last.
        every: seconds from one measurement to the next.
        clock: in seconds.
    """

    def __init__(
        self,
        score: Callable[[Weights], float],
        *,
        seconds: float,
        every: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.points: list[Point] = []
        self._score, self._seconds, self._every, self._clock = score, seconds, every, clock
        self._next, self._resumed, self._before = every, 0.0, 0.0

    def start(self, weights: Weights) -> None:
        """Measure the first weights; then training begins."""
        self._measure(0.0, 0, weights)

    def after(self, iterations: int, weights: Callable[[], Weights]) -> bool:
        """Whether the time is over after so many iterations; ``weights`` are asked for where they are measured."""
        seconds = self._before + self._clock() - self._resumed
        over = seconds >= self._seconds
        if over or seconds >= self._next:
            self._next = (seconds // self._every + 1) * self._every
            self._measure(seconds, iterations, weights())
        return over

    def _measure(self, seconds: float, iterations: int, weights: Weights) -> None:
        self.points.append(Point(round(seconds, 2), iterations, round(self._score(weights), 4)))
        self._before, self._resumed = seconds, self._clock()


def scorer(held_out: Sequence[tuple[Picture, Picture]], options: dict[str, int]) -> Callable[[Weights], float]:
    """The mean PSNR-Y of a compact network with these weights, in float32, on pairs of LR and HR.

    Args:
        held_out: (h, w, 3) and (h·upscale, w·upscale, 3).
        options: num_feat, num_conv and upscale.
    """

    upscale_by = options["upscale"]

    def score(weights: Weights) -> float:
        network = SRVGGNetCompact(num_feat=options["num_feat"], num_conv=options["num_conv"], upscale=upscale_by)
        network.load_state_dict(weights)
        with torch.no_grad():
            found = [psnr_y(planes(upscale(lr, network)), planes(hr), upscale_by) for lr, hr in held_out]
        return float(torch.cat(found).mean())

    return score
