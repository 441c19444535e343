"""The loader: batches of samples, made by worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

from torch.utils.data import DataLoader, Dataset, default_collate

from esrgan_train.data.device_rendering import PARTNER, in_rows
from esrgan_train.data.feeder import Batch, Fed
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.data.workers import WorkerIterator, explained, start_method, start_worker
from esrgan_train.errors import StopAtOnceError, StopRequestedError

_STAND_INS = 8  # batches until the processes must have agreed: one is fetched ahead, and agreeing takes two


class PhotoLoader(DataLoader[dict[str, Any]]):
    """A loader of training samples or held-out photos, of which each worker makes ``ahead`` batches ahead.

    ``waited`` counts the seconds for which the loop over it was kept waiting.

    Photos that a worker could not read are reported here, in the main process. What goes wrong in a worker
    arrives in one line, see ``explained``; what ended the last iteration over the loader stays in ``failure``.
    """

    def __init__(
        self,
        dataset: Dataset[dict[str, Any]],
        *,
        batch_size: int,
        sampler: RankStridedSampler | range,
        num_workers: int,
        ahead: int = 2,
        pin_memory: bool = False,
    ) -> None:
        self.failure: Exception | None = None
        self.waited = 0.0
        super().__init__(
            dataset,
            batch_size=batch_size,
            sampler=sampler,
            num_workers=num_workers,
            collate_fn=collate,
            pin_memory=pin_memory,
            worker_init_fn=start_worker,
            persistent_workers=num_workers > 0,
            prefetch_factor=ahead if num_workers else None,
            multiprocessing_context=start_method() if num_workers else None,
        )

    def _get_iterator(self) -> Any:
        return WorkerIterator(self) if self.num_workers else super()._get_iterator()

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        report: Callable[[], None] = getattr(self.dataset, "report", _nothing)
        try:
            for batch in self._timed(super().__iter__()):
                report()
                yield batch
        except StopAtOnceError:
            raise
        except Exception as error:  # noqa: BLE001 — raised below, in one line if it is a worker's
            self.failure = explained(error)
            # A traceback would keep the workers in a reference cycle. When that is collected, their queues go
            # first, and torch waits five seconds for each worker, which waits for the message to stop.
            if self.num_workers:
                error.__traceback__ = error.__context__ = error.__cause__ = None
        if self.failure is not None:
            if not isinstance(self.failure, StopRequestedError):  # a stuck worker is ended after saving
                self._iterator = None
            report()
            raise self.failure

    def _timed(self, batches: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        while True:
            began = time.perf_counter()
            batch = next(batches, None)
            self.waited += time.perf_counter() - began
            if batch is None:
                return
            yield batch


class TrainingLoader(PhotoLoader):
    """A loader of training samples that keeps its failure in ``failure`` and repeats its last batch.

    All processes of a run have to end after the same iteration: the one whose loader fails takes part until
    they have agreed. A failure before the first batch is raised, and so is one that nobody asks for.

    ``feed`` starts what the training device does for a batch, see ``Feeder``; the time of that is no waiting.
    Without it batches stay as the workers give them.
    """

    def __init__(
        self,
        dataset: Dataset[dict[str, Any]],
        *,
        feed: Callable[[Batch], Batch | Fed] | None = None,
        **options: Any,
    ) -> None:
        self.feed = feed
        super().__init__(dataset, **options)

    def __iter__(self) -> Iterator[Batch | Fed]:  # type: ignore[override]
        fed: Batch | Fed | None = None
        try:
            for batch in super().__iter__():
                if "hr" in batch:
                    batch.setdefault("hr_target", batch["hr"])  # see ``collate``
                fed = batch if self.feed is None else self.feed(batch)
                yield fed
        except Exception as error:
            if fed is None or error is not self.failure:
                raise
        if fed is not None and self.failure is not None:
            yield from repeat(fed, _STAND_INS)
            raise self.failure


def _nothing() -> None:
    """What a data set without a report reports."""


def collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Stack samples without an ``hr_target`` that is ``hr`` itself, which need not travel twice.

    What is to be made on the device has rows for partners too, see ``in_rows``.
    """
    shared = all(sample.get("hr_target") is sample.get("hr") for sample in samples)
    columns = {
        key: [sample[key] for sample in samples]
        for key in samples[0]
        if key != PARTNER and not (shared and key == "hr_target")
    }
    if "window" in columns:
        columns |= in_rows(samples)
    return {key: default_collate(column) for key, column in columns.items()}
