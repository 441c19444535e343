"""Training goes on from a checkpoint as if it had never stopped, whatever the optimizer; or is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.resuming import cannot_go_on
from tests.tiny import quiet_trainer
from tests.training.optimizers import CHOICES, make_of

pytestmark = pytest.mark.run

Batch = dict[str, Tensor]
LAST, STAGE = 6, 3


def module_of(
    make_module: Callable[..., ESRGANModule], make_objective: Any, name: str, start_step: int = STAGE
) -> ESRGANModule:
    make = dict.fromkeys(("pixel", "generator", "discriminator"), make_of(name))
    return make_module(make_objective(start_step=start_step), make_optimizers=make)


def fit(module: ESRGANModule, batches: list[Batch], *, until: int, ckpt_path: Path | None = None) -> Trainer:
    trainer = quiet_trainer(max_steps=until, max_epochs=-1)
    trainer.fit(module, DataLoader(batches, batch_size=None), ckpt_path=ckpt_path, weights_only=True)
    return trainer


@pytest.mark.parametrize("name", ["adamw", "adan", "schedulefree", "schedulefree.AdamWScheduleFree"])
@pytest.mark.parametrize("stop", [2, 4])
def test_stopped_in_a_stage_or_between_them_it_ends_alike(
    name: str, stop: int, make_module: Any, make_objective: Any, batches: list[Batch], tmp_path: Path
) -> None:
    whole = module_of(make_module, make_objective, name)
    trainer = fit(whole, batches, until=LAST)
    assert trainer.global_step == LAST
    stopped = module_of(make_module, make_objective, name)
    fit(stopped, batches, until=stop).save_checkpoint(tmp_path / "last.ckpt")
    resumed = module_of(make_module, make_objective, name)
    fit(resumed, batches[stop:], until=LAST, ckpt_path=tmp_path / "last.ckpt")
    for (key, ours), theirs in zip(resumed.state_dict().items(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs), key
    for ours, theirs in zip(resumed.step.players, whole.step.players, strict=True):
        states = ours.optimizer.state_dict(), theirs.optimizer.state_dict()
        torch.testing.assert_close(*states, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["adan", "schedulefree", "torch.optim.SGD"])
def test_a_skipped_iteration_counts_and_changes_nothing(
    name: str, make_module: Any, make_objective: Any, batches: list[Batch]
) -> None:
    """A run with a batch that cannot be used ends as one without it, an iteration later."""
    spoilt = {**batches[0], "hr_target": torch.full_like(batches[0]["hr_target"], float("nan"))}
    ends = []
    for given in (batches[:3], [batches[0], spoilt, *batches[1:3]]):
        module = module_of(make_module, make_objective, name, start_step=99)
        assert fit(module, given, until=len(given)).global_step == len(given)
        ends.append((module.state_dict(), module.step.players[0].optimizer.state_dict()))
    torch.testing.assert_close(*ends, rtol=0, atol=0)


def saved_by(name: str, make_module: Any, make_objective: Any, batches: list[Batch], *, until: int) -> list[Any]:
    module = module_of(make_module, make_objective, name)
    fit(module, batches, until=until)
    return [player.optimizer.state_dict() for player in module.step.players]


@pytest.mark.parametrize("before", ["adam", "adan", "schedulefree"])
@pytest.mark.parametrize("until", [1, 4])
def test_only_a_kindred_optimizer_takes_the_state(
    before: str, until: int, make_module: Any, make_objective: Any, batches: list[Batch]
) -> None:
    """Also before the stage of a player has begun, when there are only its settings."""
    states = saved_by(before, make_module, make_objective, batches, until=until)
    taken = set()
    for now in CHOICES:
        players = module_of(make_module, make_objective, now).step.players
        reasons = [cannot_go_on(player, state) for player, state in zip(players, states, strict=True)]
        taken |= {now} if reasons == [None] * len(players) else set()
    assert taken == ({"adam", "adamw"} if before == "adam" else {before})


def test_the_state_of_other_weights_is_not_taken(
    make_module: Any, make_objective: Any, batches: list[Batch]
) -> None:
    states = saved_by("adam", make_module, make_objective, batches, until=1)
    players = module_of(make_module, make_objective, "adam").step.players
    assert cannot_go_on(players[0], states[2]) == "it was of other weights"
