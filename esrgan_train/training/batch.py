"""What training and validation take from a loader, this project's or another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from esrgan_train.errors import UserError

Batch = dict[str, Any]


def training_batch(batch: object) -> Batch:
    """A batch to train on: ``hr_target``, the target of pixel and perceptual loss, is ``hr`` where it is missing.

    Args:
        batch: a dict with ``lr`` (B, 3, h, w) and ``hr`` (B, 3, h·s, w·s), float32 in [0, 1].

    Raises:
        UserError: something else.
    """
    pairs = _pairs(batch)
    return {"hr_target": pairs["hr"], **pairs}


def validation_batch(batch: object) -> Batch:
    """A batch to validate on: ``counts`` (B,), which of the images are photos, is true where it is missing.

    Args:
        batch: as for ``training_batch``.

    Raises:
        UserError: something else.
    """
    pairs = _pairs(batch)
    return {"counts": torch.ones(len(pairs["hr"]), dtype=torch.bool), **pairs}


def _pairs(batch: object) -> Batch:
    if not isinstance(batch, Mapping) or not {"lr", "hr"} <= batch.keys():
        keys = list(batch) if isinstance(batch, Mapping) else type(batch).__name__
        raise UserError(
            f"the loader gives {keys}: ESRGANModule takes a dict with lr (B, 3, h, w) and hr (B, 3, h·s, w·s), "
            "float32 in [0, 1]"
        )
    return dict(batch)
