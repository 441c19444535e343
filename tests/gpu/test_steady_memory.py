"""Memory does not grow while training goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmarks.gpu.sizes import QUICK
from benchmarks.gpu.subjects import make_step
from esrgan_train.resident import held_memory

pytestmark = [pytest.mark.gpu, pytest.mark.run]

WARM_UP, ITERATIONS = 50, 300
ROOM = {"cuda": 2**20, "cpu": 48 * 2**20}  # bytes: of a process, malloc's heap moves by itself


def growth(iteration: Callable[[int], object], device: torch.device) -> int:
    """Bytes held more after all iterations than after the first of them."""
    for done in range(WARM_UP):
        iteration(done)
    before = held(device)
    for done in range(WARM_UP, ITERATIONS):
        iteration(done)
    return held(device) - before


def held(device: torch.device) -> int:
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else held_memory()


@pytest.mark.parametrize("stage", ["pixel", "gan"])
def test_memory_is_steady(stage: str, device: torch.device):
    step = make_step(QUICK, device, stage, precision="32", perceptual=False)
    step.make_optimizers()
    low = torch.rand(2, 3, 8, 8, device=device)
    batch = {"lr": low, "hr": torch.rand(2, 3, 32, 32, device=device)}
    assert growth(lambda done: step(batch, done=done, max_steps=10**6), device) < ROOM[device.type]


def test_a_leak_would_be_found(device: torch.device):
    kept: list[Tensor] = []
    assert growth(lambda _: kept.append(torch.zeros(2**18, device=device)), device) > ROOM[device.type]
