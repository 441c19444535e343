"""Whether a checkpoint can be resumed by the run that is being built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from esrgan_train.errors import UserError, given_as
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.training.module import ESRGANModule


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
    step = int(checkpoint["global_step"])
    if step >= cfg.trainer.max_steps:
        raise UserError(
            f"ckpt_path={cfg.ckpt_path} has {step} iterations done: "
            f"give trainer.max_steps above it (it is {cfg.trainer.max_steps})"
        )
    return {name: checkpoint[name] for name in ("global_step", "settings")}
