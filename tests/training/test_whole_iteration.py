"""Whole iterations on CUDA as the trainer runs them, traced on fake tensors: nothing in them waits for the device.

Lightning's loop, the callbacks and loggers of a default run, the networks, their optimizers and the average are
real; gradients are made up, and batches come as from a loader that has copied them already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from lightning import Callback, Trainer
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

from esrgan_train import signals
from esrgan_train.callbacks.pairs import FOLDER as PAIRS
from esrgan_train.config import compose_config
from esrgan_train.loggers.background import Background
from esrgan_train.loggers.metrics_csv import MetricsCSV
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import Precision
from tests.fake_cuda import Copies, fake_cuda, fake_gpu_strategy, made_up_gradients

MakeModule = Callable[..., ESRGANModule]
ITERATIONS, LAST = 3, 100


class EnoughError(Exception):
    """The iterations to be traced are done."""


class Trace(Callback):
    """Notes the copies of a few iterations, then ends the run; may add a fault at the end of one."""

    def __init__(self, copies: Copies, fault: Callable[[Tensor], Any]) -> None:
        self.copies = copies
        self.fault = fault
        self.found: list[str] = []
        self.sent: list[str] = []
        self.formats: set[torch.dtype] = set()

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 0:
            self.copies.forget()
        if trainer.global_step == ITERATIONS:
            self.found, self.sent, self.formats = self.copies.found, self.copies.sent, set(self.copies.formats)
            self.copies.forget()
            raise EnoughError

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, *_: Any) -> None:
        self.fault(outputs["skip"])


class Loader:
    """The same batch for ever, on the device."""

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        low, high = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 64, 64)
        while True:
            yield {"lr": low, "hr": high, "hr_target": high, "index": torch.arange(2)}


def callbacks_of_a_default_run(run_dir: Path) -> list[Callback]:
    cfg = compose_config(["data=sample", "trainer.precision=32", f"run_dir={run_dir}"])
    return [instantiate(node) for node in cfg.callbacks.values()]


def trace(
    module: ESRGANModule, copies: Copies, run_dir: Path, fault: Callable[[Tensor], Any] = lambda _: None
) -> Trace:
    """Run the first iterations of a training, before the first line of the log."""
    (run_dir / PAIRS).mkdir(parents=True)  # as in a resumed run: pairs are copied once, before the first iteration
    traced = Trace(copies, fault)
    logger = Background(name="background", title="Background", make=lambda _: MetricsCSV(run_dir=str(run_dir)))
    trainer = Trainer(
        strategy=fake_gpu_strategy(),
        max_steps=LAST,
        max_epochs=-1,
        log_every_n_steps=50,
        logger=[MetricsCSV(run_dir=str(run_dir)), logger],
        callbacks=[*callbacks_of_a_default_run(run_dir), traced],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with signals.given_back(), made_up_gradients(*module.step.networks), pytest.raises(EnoughError):
        trainer.fit(module, Loader())
    assert trainer.global_step == ITERATIONS
    return traced


def make(make_module: MakeModule, make_objective: Any, start_step: int, precision: str, **options: Any) -> Any:
    adam = partial(torch.optim.Adam, lr=1e-3, betas=(0.9, 0.99), fused=True)
    return make_module(
        make_objective(perceptual=PerceptualLoss(features="random"), start_step=start_step),
        make_optimizers=dict.fromkeys(("pixel", "generator", "discriminator"), adam),
        precision=Precision(precision, "cuda", "as requested"),
        **options,
    )


@pytest.mark.run
@pytest.mark.filterwarnings("ignore:You defined a `validation_step`", "ignore:`isinstance")
@pytest.mark.parametrize("options", [{}, {"accumulate": 2, "grad_clip": 0.1, "channels_last": True}], ids=str)
@pytest.mark.parametrize("precision", ["32", "bf16", "16"])
@pytest.mark.parametrize("start_step", [0, LAST], ids=["gan stage", "pixel stage"])
def test_nothing_waits_between_two_lines_of_the_log(
    make_module: MakeModule,
    make_objective: Any,
    tmp_path: Path,
    start_step: int,
    precision: str,
    options: dict[str, Any],
):
    with fake_cuda() as copies:
        module = make(make_module, make_objective, start_step, precision, **options)
        traced = trace(module, copies, tmp_path)
        stepped = [player.name for player in module.step.players if player.optimizer.state]
    assert traced.found == []  # and nothing raised that reads a value
    assert traced.sent == []
    assert traced.formats == {{"32": torch.float32, "bf16": torch.bfloat16, "16": torch.float16}[precision]}
    assert stepped == (["pixel"] if start_step else ["generator", "discriminator"])


FAULTS: dict[str, Callable[[Tensor], Any]] = {
    "item": lambda skip: skip.item(),
    "branch": bool,
    "mask": lambda skip: skip.expand(3)[skip.expand(3) > 0],
    "cpu": lambda skip: skip.cpu(),
    "from a list": lambda skip: skip + torch.tensor([1.0], device=skip.device),
    "by a list": lambda skip: skip.expand(3)[[0, 1]],
}


@pytest.mark.filterwarnings("ignore:You defined a `validation_step`", "ignore:`isinstance")
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_in_a_callback_would_be_found(
    make_module: MakeModule, make_objective: Any, tmp_path: Path, fault: str
):
    with fake_cuda() as copies:
        module = make(make_module, make_objective, LAST, "32")
        if fault in ("item", "branch", "mask"):
            with pytest.raises((DataDependentOutputException, DynamicOutputShapeException)):
                trace(module, copies, tmp_path, FAULTS[fault])
            return
        traced = trace(module, copies, tmp_path, FAULTS[fault])
    assert bool(traced.found) is (fault == "cpu")
    assert bool(traced.sent) is (fault in ("from a list", "by a list"))
