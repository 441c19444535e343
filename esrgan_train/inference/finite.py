"""Weights that are no numbers, of which a network makes black pictures."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from esrgan_train.errors import UserError


def check_finite(network: nn.Module, path: Path) -> None:
    """Make sure, before any picture, that every weight is a number. A buffer may hold infinity, as masks do.

    Args:
        network: as read from ``path``.
        path: the model file, for the message.

    Raises:
        UserError: naming the file and the first such weight.
    """
    wrong = [name for name, weight in network.named_parameters() if not weight.isfinite().all()]
    wrong += [name for name, buffer in network.named_buffers() if buffer.isnan().any()]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise UserError(
            f"{path} holds weights that are not finite ({wrong[0]}{more}), so its training diverged; "
            "give an earlier checkpoint"
        )
