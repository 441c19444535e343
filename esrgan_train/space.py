"""The disk space that a run will fill, and what is free where it writes."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable
from operator import methodcaller
from pathlib import Path
from typing import NamedTuple

import torch
from lightning import Trainer
from torch import Tensor, nn

from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.callbacks.lookup import callback_of
from esrgan_train.callbacks.previews import Previews, side_shown
from esrgan_train.runs.checkpoints import checkpoints_of
from esrgan_train.training.checkpoint_io import LAST, best_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.players import Player

_ALWAYS_KEPT = 4  # last, the best of two stages, and the one that is being written
_TILES = 4 + 3 + 2  # of the previews for each photo: LR, bicubic, SR, HR; of one without HR; both SR once more


class Need(NamedTuple):
    """Bytes that a run will add to its folder."""

    checkpoint: int  # of one
    kept: int  # checkpoints that come to lie side by side, the one that is being written included
    models: int
    previews: int

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.checkpoint * self.kept + self.models + self.previews

    def __str__(self) -> str:
        parts = f"{self.kept} checkpoints of {shown_bytes(self.checkpoint)}, models, previews"
        return f"{shown_bytes(self.total)} ({parts})"


def needed(trainer: Trainer, module: ESRGANModule, run_dir: Path, *, done: int) -> Need:
    """What the run will write after ``done`` iterations; an upper bound, without W&B's copies."""
    last, interval = trainer.max_steps, validation_interval(trainer)
    validations = (last - 1) // interval - done // interval + 1
    checkpoint = models = count = previews = 0
    if (kept := callback_of(trainer, Checkpoints)) is not None:
        checkpoint, models = checkpoint_size(module), 2 * _bytes([module.ema.module])
        stages = {module.objective.stage(done), module.objective.stage(last - 1)}
        names = {LAST, *map(best_file, stages)}
        if kept.every_n_steps:
            step = math.lcm(interval, kept.every_n_steps)
            names |= {f"step_{number:08}.ckpt" for number in range(done // step * step + step, last + 1, step)}
        count = len(names - {path.name for path in checkpoints_of(run_dir)}) + 1
    if (sheets := callback_of(trainer, Previews)) is not None:
        pixels = side_shown(sheets.crop, module.upscale) ** 2  # that are repeated costs next to nothing
        previews = validations * sheets.max_photos * _TILES * 3 * pixels  # as if PNG saved nothing else
    return Need(checkpoint, count, models, previews)


def checkpoint_size(module: ESRGANModule) -> int:
    """Bytes of a checkpoint: the networks, the averaged generator, and the optimizers' moments."""
    players = module.step.players
    moments = sum(_moments(player) * _bytes([player.network], buffers=False) for player in players)
    return _bytes([*module.step.networks, module.ema.module]) + math.ceil(moments)


def _moments(player: Player) -> float:
    """Numbers that the player's optimizer keeps for each weight; 2 for Adam."""
    trial = player.trial(torch.zeros(8, 8, 3, 3))
    (weight,) = trial.network.parameters()
    weight.grad = torch.ones_like(weight)
    trial.step(done=trial.stage.start, max_steps=1, skip=torch.zeros(()), step_optimizer=methodcaller("step"))
    values = trial.optimizer.state[weight].values()
    return sum(value.numel() for value in values if isinstance(value, Tensor) and value.dim()) / weight.numel()


def too_little(need: Need, run_dir: Path) -> tuple[str, str] | None:
    """What is wrong with the free space, and the remedy; None if it suffices."""
    folder, free = free_space(run_dir)
    if free >= need.total:
        return None
    fewer = ", a larger callbacks.checkpoints.every_n_steps" if need.kept > _ALWAYS_KEPT else ""
    what = f"{shown_bytes(free)} free in {folder}, but the run will write {need}"
    return what, f"free some space, or give run_dir=… on another disk{fewer}"


def free_space(folder: Path) -> tuple[Path, int]:
    """The nearest folder that exists, and the bytes free there."""
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    return existing, shutil.disk_usage(existing).free


def validation_interval(trainer: Trainer) -> int:
    """Iterations from one validation to the next."""
    return max(1, int(trainer.val_check_interval or trainer.max_steps))


def shown_bytes(number: float) -> str:
    """Bytes in MB or GB of 10⁶ or 10⁹."""
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:,.0f} MB"


def _bytes(networks: Iterable[nn.Module], *, buffers: bool = True) -> int:
    return sum(
        tensor.nbytes
        for network in networks
        for tensor in (*network.parameters(), *(network.buffers() if buffers else ()))
    )
