"""What the training step takes of a loader, whoever made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from esrgan_train.errors import UserError


def complete(batch: object, *, measured: bool) -> dict[str, Any]:
    """A batch with all that the module reads: what only this project's loaders add is filled in.

    Args:
        batch: a dict with ``lr`` (B, 3, h, w) and ``hr`` (B, 3, h·s, w·s), float32 in [0, 1].
        measured: whether it is validated, or trained on.

    Returns:
        The same, to be validated with ``counts`` (B,), which of the images are photos (all, where it is absent);
        to be trained on with ``hr_target``, the target of pixel and perceptual loss (``hr``, where it is absent).

    Raises:
        UserError: something else.
    """
    keys = list(batch) if isinstance(batch, Mapping) else type(batch).__name__
    if not isinstance(batch, Mapping) or not {"lr", "hr"} <= batch.keys():
        raise UserError(
            f"the loader gives {keys}: ESRGANModule takes a dict with lr (B, 3, h, w) and hr (B, 3, h·s, w·s), "
            "float32 in [0, 1]"
        )
    added = {"counts": torch.ones(len(batch["hr"]), dtype=torch.bool)} if measured else {"hr_target": batch["hr"]}
    return {**added, **batch}
