"""Finite weights: with NaN or infinity in them, no training recovers and pictures turn black."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from esrgan_train.errors import UserError


def check_finite(tensors: Mapping[str, Tensor], name: str) -> None:
    """``UserError`` if a tensor holds NaN or infinity; ``name`` is the file or option to name in the message."""
    wrong = [key for key, tensor in tensors.items() if not tensor.isfinite().all()]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise UserError(
            f"{name} holds NaN or infinity (in {wrong[0]}{more}), as a run that diverged leaves behind: "
            "give another file, such as an earlier checkpoint"
        )


def check_weights(network: nn.Module, name: str) -> None:
    """``check_finite`` of a network's weights; its buffers may hold infinity, as masks do, but no NaN."""
    buffers = {key: buffer for key, buffer in network.named_buffers() if buffer.isnan().any()}
    check_finite({**dict(network.named_parameters()), **buffers}, name)
