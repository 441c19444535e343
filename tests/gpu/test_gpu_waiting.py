"""Between two lines of the log no iteration waits for the GPU; on a processor, traced on fake tensors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, Trainer
from torch._subclasses.fake_tensor import DataDependentOutputException

from esrgan_train import signals
from esrgan_train.callbacks.guard import Guard
from esrgan_train.callbacks.health import Health
from esrgan_train.callbacks.interrupt import Interrupt
from esrgan_train.callbacks.progress import Progress
from esrgan_train.callbacks.waiting import Waiting
from esrgan_train.loggers.metrics_csv import MetricsCSV
from tests.fake_cuda import fake_cuda, fake_gpu_strategy, made_up_gradients
from tests.gpu.small_run import SameBatch, make_module

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.run,
    pytest.mark.filterwarnings("ignore:You defined a `validation_step`", "ignore:`isinstance"),
]

FIRST, END, LAST = 3, 8, 100  # iterations before what is watched, before the end, and planned


class EnoughError(Exception):
    """The iterations that are watched are done."""


class Strict(Callback):
    """Lets PyTorch raise where the host would wait, from after the warm-up to the end of the run."""

    def __init__(self) -> None:
        self.watched = 0

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == END:
            raise EnoughError
        if trainer.global_step >= FIRST:
            self.watched += 1
            if torch.cuda.is_available():
                torch.cuda.set_sync_debug_mode("error")


class Reading(Callback):
    """A callback with the fault that the test is to find."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, *_: Any) -> None:
        if trainer.global_step > FIRST:
            float(outputs["skip"])


@pytest.fixture
def callbacks(tmp_path: Path) -> Iterator[list[Callback]]:
    """What looks at every iteration; signals and PyTorch's mode are given back."""
    with signals.given_back():
        yield [
            Progress(),
            Health(signs={"clipped": {"limit": 0.05, "patience": 200}}),
            Waiting(limit=0.1, iterations=100, seconds=30.0),
            Guard(run_dir=str(tmp_path), max_in_row=20),
            Interrupt(max_time=None),
            Strict(),
        ]
    if torch.cuda.is_available():
        torch.cuda.set_sync_debug_mode("default")


def iterate(device: torch.device, callbacks: list[Callback], run_dir: Path, **options: Any) -> None:
    """Some iterations before the first line of the log."""
    quiet = dict.fromkeys(("enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    parts: dict[str, Any] = {"callbacks": callbacks, "logger": [MetricsCSV(run_dir=str(run_dir))], **quiet}
    length: dict[str, Any] = {"max_steps": LAST, "max_epochs": -1, "log_every_n_steps": 50}
    if device.type == "cuda":
        module = make_module(device, **options)
        Trainer(accelerator="gpu", devices=1, **length, **parts).fit(module, SameBatch(device))
        return
    with fake_cuda():
        module = make_module("cuda", **options)
        with made_up_gradients(*module.step.networks):
            Trainer(strategy=fake_gpu_strategy(), **length, **parts).fit(module, SameBatch(torch.device("cuda")))


@pytest.mark.parametrize("precision", ["32", "bf16", "16"])
@pytest.mark.parametrize("start_step", [0, LAST], ids=["gan stage", "pixel stage"])
def test_no_iteration_waits(
    device: torch.device, callbacks: list[Callback], tmp_path: Path, start_step: int, precision: str
):
    with pytest.raises(EnoughError):
        iterate(device, callbacks, tmp_path, start_step=start_step, precision=precision)
    assert next(each.watched for each in callbacks if isinstance(each, Strict)) == END - FIRST


def test_a_callback_that_reads_a_value_would_be_found(
    device: torch.device, callbacks: list[Callback], tmp_path: Path
):
    found = (RuntimeError, DataDependentOutputException)
    with pytest.raises(found, match="synchroniz" if device.type == "cuda" else "_local_scalar_dense"):
        iterate(device, [*callbacks, Reading()], tmp_path)
