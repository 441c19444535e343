from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

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
