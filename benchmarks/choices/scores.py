"""What a model scores on held-out photos that are the same, and degraded the same, for all rows and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
from torch.utils.data import default_collate

from esrgan_train import load_generator
from esrgan_train.archs.folding import fold
from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config
from esrgan_train.loggers.metrics_csv import FILE_NAME, read_rows
from esrgan_train.training.validation import Validation


def score(model: Path, overrides: Sequence[str]) -> dict[str, float]:
    """The figures of the base's validation, by name without ``val/``: PSNR in dB, SSIM, and bicubic's.

    A run's own validation would not do: its draws depend on its seed, and its degradation on its row.

    Args:
        model: a file of weights; of a checkpoint the averaged ones.
        overrides: of the base.

    Raises:
        UserError: the file cannot be read.
    """
    cfg = compose_config(overrides)
    photos = build_datamodule(cfg, trains_on="cpu").validation
    network = fold(load_generator(model)).eval()
    validation = Validation(upscale=cfg.upscale, memory_format=torch.channels_last)
    with torch.inference_mode():
        for position in range(len(photos)):
            validation.add(network, default_collate([photos[position]]))
    return {name.removeprefix("val/"): round(value, 5) for name, value in validation.figures().items()}


def seconds_per_iteration(run: Path, samples: float) -> float:
    """The median over what a run logged, which leaves validation out.

    Args:
        run: its folder.
        samples: per iteration.
    """
    rates = [row.get("train/samples_per_second") for row in read_rows(run / FILE_NAME)]
    return round(median(samples / float(rate) for rate in rates if rate), 5)
