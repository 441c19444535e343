"""The losses that a teacher brings along."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

FEATURES = "teacher_features"  # the loss between feature maps


def bind_teacher(cfg: DictConfig, conf: Path) -> None:
    """Add ``loss/terms=[teacher,teacher_features]`` where a model is named and the losses
    do not say how it counts.

    ``conf`` is the folder of the configuration.
    """
    loss = OmegaConf.select(cfg, "loss")
    if OmegaConf.select(cfg, "teacher") is None or not isinstance(loss, DictConfig) or "teacher" in loss:
        return
    with open_dict(loss):
        for name in ("teacher", FEATURES):
            loss.setdefault(name, OmegaConf.load(conf / "loss" / "terms" / f"{name}.yaml"))
