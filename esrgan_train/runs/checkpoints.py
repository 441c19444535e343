"""The checkpoints in a run folder: which was saved last, which can be read whole, which a run can resume."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrgan_train.errors import UserError, given_as
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.training.checkpoint_io import LAST
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.resuming import cannot_go_on

if TYPE_CHECKING:
    from omegaconf import DictConfig

log = logging.getLogger(__name__)

ABANDONED = "abandoned"  # the folder in a run folder for what was set aside


def checkpoints_of(run: Path) -> list[Path]:
    """The checkpoints in a run folder, by name; none that was set aside."""
    return sorted(path for path in (run / "checkpoints").glob("*.ckpt") if not path.name.startswith("."))


def run_of(checkpoint: Path) -> Path | None:
    """The run folder in which a checkpoint is resumed; None if it lies elsewhere, or was set aside."""
    run = checkpoint.parent.parent
    return run if checkpoint.parent.name == "checkpoints" and run.parent.name != ABANDONED else None


def written_ns(path: Path) -> int:
    """When a checkpoint was saved, in nanoseconds, by itself; the file's own time where it does not say.

    Copying changes a file's time, and a second name of the same file is no later save.
    """
    try:
        written = load_checkpoint(path).get("written_ns")
    except UserError:
        written = None  # damaged: named where it would be resumed from
    return written if isinstance(written, int) else path.stat().st_mtime_ns


def by_time(checkpoints: Iterable[Path]) -> list[Path]:
    """The checkpoint that was saved last comes first; of the names of one save, ``last.ckpt``."""
    return sorted(checkpoints, key=lambda path: (written_ns(path), path.name == LAST, path.name), reverse=True)


def newest_sound(run: Path) -> Path | None:
    """A run's checkpoint that was saved last and can be read whole; later ones that cannot are named."""
    for path in by_time(checkpoints_of(run)):
        try:
            read_step(path)
        except UserError as error:
            log.warning("%s; an earlier checkpoint is looked for", error)
        else:
            return path
    return None


def read_step(path: Path) -> int:
    """The iterations done in a checkpoint, every byte of which is read.

    Raises:
        UserError: the file is missing, cut off, altered, or no checkpoint.
    """
    checkpoint = load_checkpoint(path)
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise UserError(f"{path} is damaged (checksum of {damaged})")
    return int(checkpoint["global_step"])


def check_checkpoint(cfg: DictConfig, module: ESRGANModule) -> dict[str, Any]:
    """Make sure that ``ckpt_path`` continues this very network; return its ``global_step`` and ``settings``.

    Raises:
        UserError: it holds another network, or no iteration is left to do.
    """
    with given_as("ckpt_path="):
        checkpoint = load_checkpoint(Path(cfg.ckpt_path))
    theirs, ours = checkpoint.get("esrgan_train"), module.metadata
    if theirs is None:
        raise UserError(f"ckpt_path={cfg.ckpt_path} was not written by esrgan_train: use init_from for weights")
    theirs = {"target": ours["target"], **theirs}  # early checkpoints do not name classes that were not discovered
    if any(theirs[key] != ours[key] for key in ("arch", "target", "options")):
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} holds generator {theirs['arch'] or theirs['target']} {theirs['options']}, "
            f"but this run asks for {ours['arch'] or ours['target']} {ours['options']}: give the same options"
        )
    if checkpoint["players"] != module.players:
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} was trained with the optimizers {', '.join(checkpoint['players'])}, but "
            f"this run has {', '.join(module.players)}: give the same stages (trainer.max_steps above "
            "loss.adversarial.start_step, the same losses), or start from scratch with init_from"
        )
    _check_optimizers(cfg, module, checkpoint)
    step = int(checkpoint["global_step"])
    if step >= cfg.trainer.max_steps:
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} has {step} iterations done: "
            f"give trainer.max_steps above it (it is {cfg.trainer.max_steps})"
        )
    return {name: checkpoint[name] for name in ("global_step", "settings")}


def _check_optimizers(cfg: DictConfig, module: ESRGANModule, checkpoint: dict[str, Any]) -> None:
    for player, saved in zip(module.step.players, checkpoint["optimizer_states"], strict=True):
        if (reason := cannot_go_on(player, saved)) is not None:
            node = "discriminator" if player.role != "generator" else "generator"
            before = checkpoint["settings"].get(f"optimizer.{node}._target_", "another optimizer")
            raise UserError(
                f"ckpt_path={cfg.ckpt_path} holds the state of {before}, from which "
                f"optimizer.{node}._target_={cfg.optimizer[node]._target_} cannot go on ({reason}): give the same "
                "optimizer, or start from its weights with init_from"
            )
