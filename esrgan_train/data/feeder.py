"""Brings batches to the training device: on a GPU the next one is copied and made while the current one trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor

Batch = dict[str, Any]


class Feeder:
    """Brings batches to ``device``, on CUDA in a stream beside the training.

    Lightning asks the loader for the next batch before it trains on the current one: for a loader without an end
    it takes a ``_PrefetchDataFetcher``. So what the loader enqueues here runs beside that iteration.

    Args:
        device: to train on.
        make: brings batches that hold a ``window`` there, and makes their images; the others are only copied.
    """

    def __init__(self, device: torch.device, make: Callable[[Batch], Batch] | None = None) -> None:
        self.device = device
        self.make = make
        self._stream: torch.cuda.Stream | None = None

    def feed(self, batch: Batch) -> Batch | Fed:
        """The batch on the device; on CUDA it may still be on its way, until ``Fed.take``."""
        if self.device.type != "cuda":
            return self._bring(batch)
        if self._stream is None:
            self._stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        # Not before the iteration begins beside which it is to run: a host that is far ahead of the device would
        # fill its memory with batches.
        self._stream.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(self._stream):
            brought = self._bring(batch)
            ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
            ready.record(self._stream)
        return Fed(brought, ready, self.device)

    def _bring(self, batch: Batch) -> Batch:
        if self.make is not None and "window" in batch:
            return self.make(batch)
        return moved(batch, self.device)


class Fed:
    """A batch that another stream is bringing."""

    def __init__(self, batch: Batch, ready: torch.cuda.Event, device: torch.device) -> None:
        self._batch = batch
        self._ready = ready
        self._device = device

    def take(self) -> Batch:
        """The batch, for the current stream, which waits for it; the host does not."""
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(self._ready)
        for value in self._batch.values():
            if isinstance(value, Tensor) and value.device.type == "cuda":
                value.record_stream(stream)  # else its memory could be given away while this stream still reads it
        return self._batch


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device, without waiting; an ``hr_target`` that is ``hr`` itself stays so."""
    once = {name: value for name, value in batch.items() if name == "hr" or value is not batch.get("hr")}
    there: Batch = move_data_to_device(once, device)
    return {name: there[name if name in there else "hr"] for name in batch}
