"""The weights of a network in a lower precision, all cast at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from esrgan_train.archs.casting import cast_together

# Layers whose weights autocast would cast, one by one, each time they are used.
_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear, nn.PReLU)


def run_with_cast_weights(network: Callable[[Tensor], Any], images: Tensor, dtype: torch.dtype) -> Any:
    """The network's output under autocast; the values and gradients are autocast's own.

    Autocast starts a kernel for each weight, and one for its gradient: half of all that a pass of a compact
    network starts. Here all weights of plain layers are cast by one operation, if the network's class says, by an
    attribute ``casts_at_once``, that only the layers themselves use them, and under autocast: otherwise a lower
    precision would change values, or meet float32. A compiled network casts in fused kernels.
    """
    if not isinstance(network, nn.Module) or not getattr(network, "casts_at_once", False):
        return network(images)
    if network._compiled_call_impl is not None:
        return network(images)
    weights = dict(_weights(network))
    each = {id(weight): weight for weight in weights.values()}  # layers may share one
    lower = dict(zip(each, cast_together(dtype, *each.values()), strict=True))
    taken = {name: lower[id(weight)] for name, weight in weights.items()}
    return functional_call(network, taken, (images,), tie_weights=False)


def _weights(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for prefix, layer in network.named_modules(remove_duplicate=False):
        if isinstance(layer, _LAYERS):
            for name in ("weight", "bias"):
                parameter = layer._parameters.get(name)
                if parameter is not None and parameter.dtype == torch.float32:
                    yield f"{prefix}.{name}" if prefix else name, parameter
