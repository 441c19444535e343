from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils._python_dispatch import TorchDispatchMode

from esrgan_train.training.ema import EMA, ema_decay_at


def wander(network: nn.Module) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += torch.randn_like(parameter)


def test_equals_torchs_averaged_model() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(4))
    ours = EMA(network, decay=0.9, warmup=False)
    theirs = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    theirs.update_parameters(network)  # its first update copies
    for iteration in range(1, 6):
        wander(network)
        ours.update(network, iteration, skip=torch.zeros(()))
        theirs.update_parameters(network)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_buffers_are_copied_and_nothing_in_it_is_trained() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    ema = EMA(network, decay=0.9, warmup=False)
    network(torch.rand(2, 3, 8, 8))
    ema.update(network, 1, skip=torch.zeros(()))
    torch.testing.assert_close(ema.module[1].running_mean, network[1].running_mean)
    assert not any(parameter.requires_grad for parameter in ema.parameters())


def test_a_skipped_iteration_leaves_the_average_alone() -> None:
    network = nn.Conv2d(3, 4, 3)
    ema = EMA(network, decay=0.5, warmup=False)
    before = ema.module.weight.clone()
    wander(network)
    ema.update(network, 1, skip=torch.ones(()))
    torch.testing.assert_close(ema.module.weight, before, rtol=0, atol=0)
    ema.update(network, 2, skip=torch.zeros(()))
    torch.testing.assert_close(ema.module.weight, (before + network.weight) / 2)


def test_copy_to_gives_the_generator_the_averaged_weights() -> None:
    network = nn.Conv2d(3, 4, 3)
    ema = EMA(network, decay=0.5, warmup=False)
    wander(network)
    ema.copy_to(network)
    torch.testing.assert_close(network.weight, ema.module.weight, rtol=0, atol=0)


def test_warm_up_grows_to_the_decay() -> None:
    decays = [ema_decay_at(n, 0.999, warmup=True) for n in (1, 10, 100, 100_000)]
    assert decays == pytest.approx([2 / 11, 11 / 20, 101 / 110, 0.999])
    assert ema_decay_at(1, 0.999, warmup=False) == 0.999


class Calls(TorchDispatchMode):
    """The operations that are carried out, views left out."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in (torch.ops.aten.detach.default, torch.ops.aten.alias.default):
            self.made.append(func._opname)
        return func(*args, **(kwargs or {}))


def layers(count: int) -> nn.Module:
    return nn.Sequential(*(part for _ in range(count) for part in (nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))))


def test_an_update_takes_as_many_operations_for_many_layers_as_for_few() -> None:
    made = []
    for count in (1, 20):
        network = layers(count)
        ema = EMA(network, decay=0.9, warmup=False)
        skip = torch.zeros(())
        with Calls() as calls:
            ema.update(network, 1, skip)
        made.append(calls.made)
    assert made[0] == made[1]
    assert len(made[0]) <= 6


def test_buffers_are_copied_also_into_the_generator() -> None:
    network = layers(2)
    ema = EMA(network, decay=0.9, warmup=False)
    network(torch.rand(2, 3, 4, 4))
    ema.update(network, 1, skip=torch.zeros(()))
    assert all(torch.equal(a, b) for a, b in zip(ema.module.buffers(), network.buffers(), strict=True))
    kept = [buffer.clone() for buffer in ema.module.buffers()]
    network(torch.rand(2, 3, 4, 4))
    ema.copy_to(network)
    assert all(torch.equal(a, b) for a, b in zip(kept, network.buffers(), strict=True))
