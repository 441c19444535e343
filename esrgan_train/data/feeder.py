"""Brings batches to the training device: on a GPU the next one is copied and made while the current one trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

Batch = dict[str, Any]


class Feeder:
    """Copies batches to ``device`` and lets ``make`` finish them there; on CUDA in a stream beside the training.

    Lightning asks the loader for the next batch before it trains on the current one (its prefetching fetcher does,
    for loaders without an end). So what the loader enqueues here runs beside that iteration.

    Args:
        device: to train on.
        make: what is left to do there for a batch; None if nothing is.
    """

    def __init__(self, device: torch.device, make: Callable[[Batch], Batch] | None = None) -> None:
        self.device = device
        self.make = make
        self._stream: torch.cuda.Stream | None = None

    def feed(self, batch: Batch) -> Batch | Fed:
        """The batch on the device; on CUDA it may still be on its way, until ``Fed.take``."""
        if self.device.type != "cuda":
            return self._finish(batch)
        if self._stream is None:
            self._stream = torch.cuda.Stream(self.device)
        # Not before the iteration begins beside which it is to run: a host that is far ahead of the device would
        # fill its memory with batches.
        self._stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self._stream):
            made = self._finish(batch)
            ready = torch.cuda.Event()
            ready.record(self._stream)
        return Fed(made, ready, self.device)

    def _finish(self, batch: Batch) -> Batch:
        there = moved(batch, self.device)
        return there if self.make is None or "window" not in there else self.make(there)


class Fed:
    """A batch that another stream is making."""

    def __init__(self, batch: Batch, ready: torch.cuda.Event, device: torch.device) -> None:
        self._batch = batch
        self._ready = ready
        self._device = device

    def take(self) -> Batch:
        """The batch, for the current stream, which waits for it; the host does not."""
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(self._ready)
        for tensor in tensors_in(self._batch):
            tensor.record_stream(stream)  # else its memory could be given away while this stream still reads it
        return self._batch


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device, without waiting; an ``hr_target`` that is ``hr`` itself stays so."""
    once = {name: value for name, value in batch.items() if name == "hr" or value is not batch.get("hr")}
    there: Batch = move_data_to_device(once, device)
    return {name: there[name if name in there else "hr"] for name in batch}


def tensors_in(batch: Mapping[str, Any]) -> Iterator[Tensor]:
    """All tensors of a batch, those of mappings in it included."""
    for value in batch.values():
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping):
            yield from tensors_in(value)
