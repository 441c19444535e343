"""The GAN iteration that is computed before the first one, and discarded, leaves no traces."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Callback
from torch import Tensor, nn

from esrgan_train.training import step as step_module


class InPlace(nn.Module):
    """Enlarges by four after centring its input where it stands; counts its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.layers = nn.Sequential(nn.Conv2d(3, 48, 3, padding=1), nn.Dropout2d(0.1), nn.PixelShuffle(4))

    def forward(self, lr: Tensor) -> Tensor:
        lr -= 0.5
        lr *= 4
        enlarged: Tensor = self.layers(self.norm(lr))
        return enlarged


class First(Callback):
    """Keeps what the first iteration came to."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == 1:
            self.values = {k: float(v) for k, v in trainer.callback_metrics.items() if "samples" not in k}
            self.state = {name: value.clone() for name, value in pl_module.state_dict().items()}


@pytest.mark.parametrize("parts", [1, 2])
def test_the_first_iteration_is_what_it_would_be_without_a_rehearsal(
    make_module: Any, make_objective: Any, batches: Any, fit: Any, parts: int
) -> None:
    found = []
    for start_step in (1, 2):  # of two iterations: the GAN stage comes, or not
        torch.manual_seed(3)
        module = make_module(make_objective(start_step=start_step), generator=InPlace(), accumulate=parts)
        first = First()
        fit(module, [{k: v.clone() for k, v in batch.items()} for batch in batches], steps=2, callbacks=[first])
        assert (module.gan_iteration_seconds is not None) is (start_step == 1)
        found.append(first)
    rehearsed, plain = found
    assert rehearsed.values == plain.values
    assert plain.values["train/pixel"] > 0
    for name, value in rehearsed.state.items():
        assert torch.equal(value, plain.state[name]), name
    assert int(plain.state["generator.norm.num_batches_tracked"]) == parts


def test_a_network_that_works_in_place_leaves_the_callers_picture_alone(make_module: Any) -> None:
    module = make_module(generator=InPlace()).eval()
    lr = torch.rand(1, 3, 8, 8)
    before = lr.clone()
    module(lr)
    assert torch.equal(lr, before)


def test_what_is_timed_is_warm_and_has_ended(
    make_step: Any, make_objective: Any, batches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = make_step(make_objective(start_step=1))
    events: list[str] = []

    def note(name: str, result: float | None = None) -> Any:
        return lambda *_: events.append(name) or result

    ticks = iter([0.0, 40.0, 50.0, 53.0])
    monkeypatch.setattr(step, "accumulate", note("iteration"))
    monkeypatch.setattr(step_module.time, "perf_counter", lambda: events.append("clock") or next(ticks))
    assert step.rehearse(batches[0], "gan") == (3.0, None)
    assert events == ["clock", "iteration", "clock"] * 2

    # On a GPU the clock is read when it has nothing left to do, and the peak is that of this GPU.
    events.clear()
    ticks = iter([0.0, 40.0, 50.0, 53.0])
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: events.append(f"wait for {device}"))
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: {"cuda:1": 7}[str(device)])
    monkeypatch.setattr(step, "_prepare", lambda batch, _: batch)
    monkeypatch.setattr(step, "generator", OnGPU())
    assert step.rehearse(batches[0], "gan") == (3.0, 7)
    assert events == ["wait for cuda:1", "clock", "iteration", "wait for cuda:1", "clock"] * 2


class OnGPU(nn.Module):
    """Says that it is on the second GPU."""

    def parameters(self, recurse: bool = True) -> Any:
        return iter([SimpleNamespace(device=torch.device("cuda", 1))])

    def zero_grad(self, set_to_none: bool = True) -> None:
        pass
