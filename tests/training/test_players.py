from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from esrgan_train.training.players import Player
from esrgan_train.training.schedule import Constant
from esrgan_train.training.stages import Stage


def player(network: nn.Module, optimizer: Any) -> Player:
    return Player(
        name="generator",
        role="generator",
        network=network,
        stage=Stage("pixel", ()),
        make=optimizer,
        schedule=Constant(warmup_steps=0),
        grad_clip=None,
    )


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
@pytest.mark.parametrize(("device", "fused"), [("cpu", True), ("cuda", True), ("mps", False)])
def test_apples_fused_optimizers_would_not_heed_the_guard_and_are_not_taken(
    optimizer: Any, device: str, fused: bool
):
    with FakeTensorMode():
        network = nn.ParameterList([torch.empty(3, device=device)])
        playing = player(network, partial(optimizer, lr=1e-3, fused=True))
        playing.make_optimizer()
        (group,) = playing.optimizer.param_groups
        assert group["fused"] is fused
        group["fused"] = True  # as in a checkpoint from another device
        playing.restore_settings()
        assert group["fused"] is fused


def test_unfused_it_skips_and_steps_as_an_optimizer_that_was_made_so():
    """What is done to a fused optimizer on such a device, on a processor."""
    trained = []
    for given in (False, True):
        torch.manual_seed(0)
        network = nn.Conv2d(3, 4, 3)
        playing = player(network, partial(torch.optim.Adam, lr=1e-2, fused=given))
        (group,) = playing.make_optimizer().param_groups
        group["fused"] = False
        for skip in (0.0, 1.0, 0.0):
            for parameter in network.parameters():
                parameter.grad = torch.full_like(parameter, float("nan") if skip else 1.0)
            playing.step(done=0, max_steps=9, skip=torch.tensor(skip), step_optimizer=lambda made: made.step())
        trained.append([*network.parameters()])
        assert {int(state["step"]) for state in playing.optimizer.state.values()} == {2}
    for one, other in zip(*trained, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
        assert one.isfinite().all()
