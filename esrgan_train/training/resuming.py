"""Whether an optimizer can go on from the state that a checkpoint holds."""

from __future__ import annotations

from copy import deepcopy
from operator import methodcaller
from typing import Any

import torch

from esrgan_train.training.players import Player


def cannot_go_on(player: Player, saved: dict[str, Any]) -> str | None:
    """Why a player's optimizer cannot go on from its state in a checkpoint, tried on one weight; None if it can.

    Without this, another optimizer's state fails at the first step of the stage it belongs to, days later perhaps.
    """
    parameters = list(player.network.parameters())
    if len(saved["param_groups"]) != 1 or len(saved["param_groups"][0]["params"]) != len(parameters):
        return "it was of other weights"
    place = min(range(len(parameters)), key=lambda index: parameters[index].numel())
    state = {0: saved["state"][place]} if place in saved["state"] else {}
    trial = player.trial(parameters[place])
    (weight,) = trial.network.parameters()
    weight.grad = torch.ones_like(weight)
    try:
        trial.optimizer.load_state_dict(
            deepcopy({"state": state, "param_groups": [{**saved["param_groups"][0], "params": [0]}]})
        )
        trial.restore_settings()
        trial.step(done=trial.stage.start, max_steps=2, skip=torch.zeros(()), step_optimizer=methodcaller("step"))
    except Exception as error:  # noqa: BLE001 — the optimizer may be a stranger's and raise anything
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return None
