"""Times the iterations of a trial, and ends it."""

from __future__ import annotations

import statistics
import time

import torch
from lightning import Callback, Trainer

from esrgan_train.training.module import ESRGANModule

_UNTIMED = 2  # iterations that choose kernels and start workers
_PIECES = 6  # of which the first, in which the loader fills its queue, does not count
_AT_MOST = 60.0  # seconds, after which no further piece is timed


class Clock(Callback):
    """Iterations per piece of time; after some pieces it asks the trainer to validate and stop.

    A GPU is waited for at the ends of pieces alone, so that the host runs ahead of it as in training.

    Args:
        started: when the trial was started, on ``time.perf_counter``.
        piece: seconds.
    """

    def __init__(self, *, started: float, piece: float) -> None:
        self.piece = piece
        self.start = 0.0  # seconds from ``started`` to the first iteration
        self.validation = 0.0  # seconds, with all that callbacks do then
        self._started = started
        self._begun = self._stopped = 0.0
        self._pieces: list[float] = []  # seconds of an iteration
        self._first = 0  # iteration of this piece

    @property
    def iteration(self) -> float:
        """Seconds that an iteration takes, waiting for data included."""
        return statistics.median(self._pieces[1:] or self._pieces)

    @property
    def timed(self) -> bool:
        """Whether the trial came to its end."""
        return bool(self._stopped)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: ESRGANModule, batch: object, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            self.start = time.perf_counter() - self._started

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        done = batch_idx + 1
        if done < _UNTIMED or self._stopped:
            return
        if done == _UNTIMED:
            self._begin_piece(pl_module, done)
            self._begun = self._piece_began
        elif time.perf_counter() - self._piece_began >= self.piece:
            before, first = self._piece_began, self._first
            self._begin_piece(pl_module, done)
            self._pieces.append((self._piece_began - before) / (done - first))
            if len(self._pieces) == _PIECES or self._piece_began - self._begun > _AT_MOST:
                self._stopped = time.perf_counter()
                trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        self.validation = time.perf_counter() - self._stopped

    def _begin_piece(self, module: ESRGANModule, done: int) -> None:
        if module.device.type == "cuda":
            torch.cuda.synchronize(module.device)
        self._piece_began, self._first = time.perf_counter(), done
