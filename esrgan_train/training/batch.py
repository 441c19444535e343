"""What training and validation take from a loader, this project's or another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from esrgan_train.errors import UserError

Batch = dict[str, Any]


def checked_batch(batch: object) -> Batch:
    """The batch, if it is a dict with ``lr`` (B, 3, h, w) and ``hr`` (B, 3, h·s, w·s), float32 in [0, 1].

    Raises:
        UserError: it is something else.
    """
    if isinstance(batch, Mapping) and {"lr", "hr"} <= batch.keys():
        return dict(batch)
    keys = list(batch) if isinstance(batch, Mapping) else type(batch).__name__
    raise UserError(
        f"the loader gives {keys}: ESRGANModule takes a dict with lr (B, 3, h, w) and hr (B, 3, h·s, w·s), "
        "float32 in [0, 1]"
    )
