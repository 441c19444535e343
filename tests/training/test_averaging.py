"""Optimizers with weights to train and others to evaluate, beside the plain loop of their packages."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import schedulefree
import torch
from torch import Tensor, nn

from esrgan_train.training.averaging import averages_itself, weights_to_evaluate
from esrgan_train.training.ema import EMA
from esrgan_train.training.players import Player
from esrgan_train.training.schedule import Constant
from esrgan_train.training.stages import Stage
from tests.training.optimizers import AVERAGING, CHOICES, OTHERS, make_of

STEPS = 12


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(4), nn.Conv2d(4, 1, 3))


def playing(network: nn.Module, make: Any) -> Player:
    player = Player(
        name="generator",
        role="generator",
        network=network,
        stage=Stage("pixel", ()),
        make=make,
        schedule=Constant(warmup_steps=0),
        grad_clip=None,
        ema=EMA(network, decay=0.9, warmup=False),
    )
    player.make_optimizer()
    return player


def learn(network: nn.Module) -> None:
    """Leave a gradient that depends on the weights."""
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    network(images).square().mean().backward()


def train(player: Player, steps: int = STEPS, skip: float = 0.0) -> None:
    for done in range(steps):
        learn(player.network)
        player.step(
            done=done, max_steps=100, skip=torch.tensor(skip), step_optimizer=lambda optimizer: optimizer.step()
        )


def weights(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def plain_loop(network: nn.Module, optimizer: Any) -> None:
    """As the packages' own pages show it."""
    optimizer.train()
    for _ in range(STEPS):
        learn(network)
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.slow
def test_those_with_a_switch_are_known() -> None:
    found = {name for name in (*CHOICES, *OTHERS) if averages_itself(make_of(name)(small().parameters()))}
    assert found == {*AVERAGING, "pytorch_optimizer.SPlus"}


@pytest.mark.parametrize("name", AVERAGING)
def test_weights_and_average_are_those_of_a_plain_loop(name: str) -> None:
    player = playing(small(), make_of(name))
    train(player)
    network = small()
    optimizer: Any = make_of(name)(network.parameters())
    plain_loop(network, optimizer)
    assert all(map(torch.equal, weights(player.network), weights(network)))
    optimizer.eval()
    assert player.ema is not None
    assert all(map(torch.equal, weights(player.ema.module), weights(network)))
    assert not any(map(torch.equal, weights(player.ema.module), weights(player.network)))


def test_the_choice_is_the_authors_schedule_free_adamw() -> None:
    options = {"lr": 1e-3, "betas": (0.9, 0.99), "weight_decay": 0.1, "warmup_steps": 5}
    player = playing(small(), make_of("schedulefree", **options))
    train(player)
    network = small()
    optimizer = schedulefree.AdamWScheduleFree(network.parameters(), **options)  # type: ignore[arg-type]
    plain_loop(network, optimizer)
    for ours, theirs in zip(weights(player.network), weights(network), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    optimizer.eval()
    assert player.ema is not None
    for ours, theirs in zip(weights(player.ema.module), weights(network), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", [*AVERAGING, "pytorch_optimizer.SPlus"])
def test_a_look_at_the_weights_to_evaluate_changes_nothing(name: str) -> None:
    player = playing(small(), make_of(name))
    train(player)
    before, state = weights(player.network), deepcopy(player.optimizer.state_dict())
    for _ in range(50):
        with weights_to_evaluate(player.optimizer):
            assert not all(map(torch.equal, before, weights(player.network)))
    assert all(map(torch.equal, before, weights(player.network)))
    torch.testing.assert_close(player.optimizer.state_dict(), state, rtol=0, atol=0)


def test_weights_are_as_before_also_after_an_error() -> None:
    player = playing(small(), make_of("schedulefree"))
    train(player)
    before = weights(player.network)
    with pytest.raises(KeyError), weights_to_evaluate(player.optimizer):
        raise KeyError
    assert all(map(torch.equal, before, weights(player.network)))
    train(player, steps=1)  # in which it would refuse to step if it were not switched back


@pytest.mark.parametrize("name", [*CHOICES, *OTHERS])
@pytest.mark.parametrize("steps", [0, STEPS])
def test_a_skipped_iteration_changes_nothing(name: str, steps: int) -> None:
    """Also the first one, before there is any state."""
    player = playing(small(), make_of(name))
    train(player, steps)
    assert player.ema is not None
    networks = (player.network, player.ema.module)
    before, state = [weights(network) for network in networks], deepcopy(player.optimizer.state_dict())
    counted = []

    def step(optimizer: Any) -> None:
        counted.append(optimizer)
        optimizer.step(closure=lambda: None)  # as Lightning does

    learn(player.network)
    for parameter in player.network.parameters():
        assert parameter.grad is not None
        parameter.grad.fill_(float("nan"))
    player.step(done=steps, max_steps=100, skip=torch.tensor(1.0), step_optimizer=step)
    assert counted == [player.optimizer]
    assert all(parameter.grad is None for parameter in player.network.parameters())
    for network, kept in zip(networks, before, strict=True):
        assert all(map(torch.equal, weights(network), kept))
    after = player.optimizer.state_dict()
    if name in ("adam", "adamw") and not steps:  # fused: its moments are made, and are zero
        assert all(not value.any() for each in after["state"].values() for value in each.values())
        after["state"] = {}
    assert state["state"].keys() == after["state"].keys()
    torch.testing.assert_close(after, state, rtol=0, atol=0)


@pytest.mark.parametrize("name", [*CHOICES, *OTHERS])
def test_a_checkpoint_brings_the_state_and_not_the_settings(name: str) -> None:
    whole = playing(small(), make_of(name))
    train(whole)
    state = deepcopy(whole.optimizer.state_dict())
    resumed = playing(deepcopy(whole.network), make_of(name, lr=3e-5))
    resumed.optimizer.load_state_dict(state)
    resumed.restore_settings()
    (group,), (saved,) = resumed.optimizer.param_groups, state["param_groups"]
    assert group["initial_lr"] == 3e-5
    own = {"params", "lr", "initial_lr"}
    assert {key: value for key, value in group.items() if key not in own} == {
        key: tuple(value) if isinstance(group[key], tuple) else value
        for key, value in saved.items()
        if key not in own
    }
