"""profile.csv and a table: where the time of an iteration goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich
import torch
from lightning import Callback, LightningModule, Trainer
from rich.table import Table
from torch import Tensor, nn

from esrgan_train.files import replacing, reporting_failure
from esrgan_train.training.module import ESRGANModule

FILE_NAME = "profile.csv"
SPANS = (
    "data wait",
    "generator forward",
    "generator backward",
    "discriminator forward",
    "discriminator backward",
    "perceptual forward",
    "perceptual backward",
    "losses",
    "gradients",
    "optimizers",
    "EMA",
    "logging",
    "other",
)


class Stopwatch:
    """Times one span after the other: ``switch`` ends the running one and starts the next.

    Args:
        synchronize: called before the clock is read, to wait for the device.
    """

    def __init__(self, synchronize: Callable[[], None]) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._synchronize = synchronize
        self._running: str | None = None
        self._since = 0.0

    def switch(self, span: str | None) -> str | None:
        """Time ``span`` from now on, or nothing; return what was timed before."""
        self._synchronize()
        now, before = time.perf_counter(), self._running
        if before is not None:
            self.seconds[before] += now - self._since
        self._running, self._since = span, now
        return before

    def take(self) -> dict[str, float]:
        """The seconds of each span since the last call."""
        taken, self.seconds = dict(self.seconds), defaultdict(float)
        return taken


class Profile(Callback):
    """Measures the parts of an iteration in both stages; waiting for the device makes it slower meanwhile.

    A backward pass is told apart by when gradients arrive at the networks' outputs: from there on, the time is
    that network's. The perceptual loss's share includes that of the pixel loss. ``gradients`` is their norm,
    their average over processes and clipping; ``other`` is what is left, other callbacks above all.

    Args:
        run_dir: the run folder.
        warmup: iterations at the start of each stage that do not count.
    """

    def __init__(self, *, run_dir: str, warmup: int) -> None:
        self.path = Path(run_dir) / FILE_NAME
        self.warmup = warmup
        self.iterations: dict[str, int] = defaultdict(int)  # that were measured, by stage
        self.seconds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._seen: dict[str, int] = defaultdict(int)
        self._watch = Stopwatch(lambda: None)
        self._undo: list[Callable[[], None]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the stopwatch's hooks in place."""
        assert isinstance(pl_module, ESRGANModule)
        if pl_module.device.type == "cuda":
            self._watch = Stopwatch(torch.cuda.synchronize)
        networks = {
            "generator": pl_module.generator,
            "discriminator": pl_module.discriminator,
            "perceptual": getattr(pl_module.objective, "perceptual", None),
        }
        for name, network in networks.items():
            if network is not None:
                self._watch_network(name, network)
        for optimizer in trainer.optimizers:
            before = optimizer.register_step_pre_hook(lambda *_: self._mark("optimizers"))
            after = optimizer.register_step_post_hook(lambda *_: self._mark("other"))
            self._undo += [before.remove, after.remove]
        self._wrap(pl_module.step, "backward", during="losses", after="gradients")
        self._wrap(pl_module.ema, "update", during="EMA", after="other")
        self._wrap(pl_module, "log_dict", during="logging", after="other")
        for logger in trainer.loggers:
            self._wrap(logger, "log_metrics", during="logging", after=None)
        self._mark("data wait")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The batch is here."""
        self._mark("other")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add this iteration to its stage; what follows is waiting for the next batch."""
        assert isinstance(pl_module, ESRGANModule)
        self._mark("data wait")
        measured, stage = self._watch.take(), pl_module.last_stage
        self._seen[stage] += 1
        if self._seen[stage] > self.warmup:
            self.iterations[stage] += 1
            for span, seconds in measured.items():
                self.seconds[stage][span] += seconds

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave validation out."""
        self._watch.switch(None)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on."""
        if not trainer.sanity_checking:
            self._mark("data wait")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the hooks away; print and write the table."""
        self._watch.switch(None)
        for undo in self._undo:
            undo()
        self._undo.clear()
        if trainer.is_global_zero and self.iterations:
            rich.get_console().print(self.table())
            lines = [f"{stage},{span},{value:.7g}\r\n" for stage, span, value in self.rows()]
            with reporting_failure(str(self.path)), replacing(self.path) as partial:
                partial.write_bytes("".join(["stage,span,seconds_per_iteration\r\n", *lines]).encode())

    def rows(self) -> list[tuple[str, str, float]]:
        """(stage, span, seconds per iteration), in the order in which things happen."""
        return [
            (stage, span, seconds[span] / self.iterations[stage])
            for stage, seconds in self.seconds.items()
            for span in SPANS
            if span in seconds
        ]

    def table(self) -> Table:
        """Milliseconds and share of an iteration, for each stage that was measured."""
        table = Table(title="where the time of an iteration goes")
        table.add_column("part")
        for stage, count in self.iterations.items():
            table.add_column(f"{stage} stage, ms", justify="right", footer=f"mean of {count}")
            table.add_column("%", justify="right")
        totals = {stage: sum(self.seconds[stage].values()) for stage in self.iterations}
        for span in (*SPANS, "all"):
            cells = []
            for stage, count in self.iterations.items():
                seconds = totals[stage] if span == "all" else self.seconds[stage].get(span, 0.0)
                cells += [f"{1000 * seconds / count:.1f}", f"{100 * seconds / totals[stage]:.0f}"]
            if span == "all":
                table.add_section()
            table.add_row(span, *cells)
        return table

    def _mark(self, span: str) -> None:
        self._watch.switch(span)

    def _watch_network(self, name: str, network: nn.Module) -> None:
        def before(*_: Any) -> None:
            self._mark(f"{name} forward")

        def after(*arguments: Any) -> None:
            output = arguments[-1]  # after the module and its inputs
            self._mark("losses")
            if isinstance(output, Tensor) and output.requires_grad:
                output.register_hook(lambda _: self._mark(f"{name} backward"))  # type: ignore[no-untyped-call]

        self._undo += [
            network.register_forward_pre_hook(before).remove,
            network.register_forward_hook(after).remove,
        ]

    def _wrap(self, owner: Any, method: str, *, during: str, after: str | None) -> None:
        """Time calls of ``owner.method``; then ``after`` is timed, or what was before."""
        original = getattr(owner, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            before = self._watch.switch(during)
            try:
                return original(*arguments, **named)
            finally:
                self._watch.switch(after if after is not None else before)

        setattr(owner, method, timed)
        self._undo.append(lambda: delattr(owner, method))  # the class's own shows again
