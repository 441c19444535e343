"""Run folders that no training wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from esrgan_train.callbacks.crops import FOLDER, Shown, write_crops
from esrgan_train.callbacks.pairs import write_pairs
from esrgan_train.config import compose_config, with_upscale
from esrgan_train.loggers.metrics_csv import write_rows

NASTY = "</script><img src=x onerror=alert(1)>\"'&"
COURSE = ("trainer.max_steps=8", "recipe.start_step=4")


@cache
def config_text(overrides: tuple[str, ...]) -> str:
    return OmegaConf.to_yaml(with_upscale(compose_config(overrides)), resolve=True)


def picture(seed: int, side: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def shown(name: str, *, step: int = 0, seed: int = 0, side: int = 32, real: bool = False) -> Shown:
    """A photo at ×4, whose SR alone follows ``step``."""
    large = {
        "bicubic": picture(seed + 1, side),
        "SR": picture(1000 + seed + step, side),
        "HR": picture(seed, side),
    }
    if real:
        del large["HR"]
    return Shown(name, 4, picture(seed + 2, side // 4), large)


def make_run(
    folder: Path,
    *,
    photos: Sequence[str] = ("a.png", "b.png"),
    steps: Sequence[int] = (0, 4, 8),
    overrides: Sequence[str] = (),
    log: str = "",
    side: int = 32,
    commands: Mapping[str, str] | None = None,
) -> Path:
    """A folder as a run of eight iterations leaves it: two stages, validations at ``steps``, pairs and a log."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config_text((*COURSE, *overrides)), encoding="utf-8")
    rows = [{"step": str(step), "val/psnr": f"{20 + step}", "val/psnr_bicubic": "21"} for step in steps]
    losses = [
        {"step": str(step), "train/pixel": f"{1 / step}", "train/colour_shift": "0.01"} for step in (2, 4, 6, 8)
    ]
    write_rows(folder / "metrics.csv", sorted(rows + losses, key=lambda row: int(row["step"])))
    val = {"psnr": 28.0, "ssim": 0.5, "psnr_y": 29.0, "ssim_y": 0.6, "psnr_bicubic": 21.0}
    summary = {"iterations": max(steps), "val": val, "start": {"from": None, **val}, "model": "model/x.pth"}
    summary |= {"stages": {"gan": {"step": max(steps), **val}}, "best": {"gan": {"step": 8, "file": "best.ckpt"}}}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    commands = commands or {
        "folder": "/work",
        "repeat": "python -m esrgan_train",
        "resume": "python -m esrgan_train x",
    }
    parts = {"data": {"photos": "11 photos"}, "course": {"batch": "2 crops"}, "environment": {"Python": "3.11"}}
    (folder / "origin.json").write_text(json.dumps({"commands": commands, **parts}), encoding="utf-8")
    (folder / "train.log").write_text(log, encoding="utf-8")
    for step in steps:
        rows_shown = [shown(name, step=step, seed=10 * n, side=side) for n, name in enumerate(photos)]
        write_crops(folder / FOLDER, rows_shown, step)
    write_pairs(folder, [picture(1, 8), picture(2, 8)], [picture(1, 32), picture(2, 32)])
    return folder
