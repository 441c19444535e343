"""Some training samples, and the time that one worker takes for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from copy import copy
from typing import Any, NamedTuple

import torch

from esrgan_train.data.loader import collate
from esrgan_train.data.sources import Decoded
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.doctor.rehearsal import Batch

_LEAST = 24  # samples that are timed, unless
_SECONDS = 20.0  # they take longer than this
_TRIES = 1000  # sample numbers among which photos that can be read are looked for


class Drawn(NamedTuple):
    """What was drawn."""

    batch: Batch
    seconds: float  # of one core, for what a worker does for each sample
    decoding: float  # of these, for decoding photos


def draw(training: TrainingSet, *, avoiding: Collection[int]) -> Drawn:
    """The first samples of the training, as one worker makes them; a batch of them, some twice if need be.

    Args:
        training: the samples.
        avoiding: the numbers of photos that cannot be read, whose samples are left out.

    Raises:
        UserError: too many photos cannot be read.
    """
    options, decode = training.options, _Clock(training.source.decode)
    source = copy(training.source)
    source.decode = decode  # type: ignore[method-assign]  # of this copy alone
    parts = {name: getattr(training, name) for name in ("degradation", "target_noise", "rendering")}
    timed = TrainingSet(source, options, **parts)
    numbers = [n for n in range(_TRIES) if source.photo_of(options.seed, n) not in avoiding] or [0]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a worker
    try:
        training[numbers[0]]  # loads libraries and tables
        samples: list[dict[str, Any]] = []
        started = time.perf_counter()
        while len(samples) < _LEAST and time.perf_counter() - started < _SECONDS:
            samples.append(timed[numbers[len(samples) % len(numbers)]])
        seconds = time.perf_counter() - started
    finally:
        torch.set_num_threads(threads)
    size = options.batch_size * options.accumulate
    batch = collate([samples[number % len(samples)] for number in range(size)])
    if training.rendering is not None:
        batch = training.rendering.on(training.rendering.device)(batch)
    images = {name: batch.get(name, batch["hr"]) for name in ("lr", "hr", "hr_target")}
    return Drawn(images, seconds / len(samples), decode.seconds / len(samples))


class _Clock:
    """Adds up the seconds that decoding takes."""

    def __init__(self, decode: Callable[[int], Decoded]) -> None:
        self.decode = decode
        self.seconds = 0.0

    def __call__(self, index: int) -> Decoded:
        started = time.perf_counter()
        try:
            return self.decode(index)
        finally:
            self.seconds += time.perf_counter() - started
