"""Networks that train as sums of branches, folded into the plain convolutions that are equal to them.

Such a network merges its kernels in each pass in evaluation mode, as spandrel's SPAN does (Wan et al., "Swift
Parameter-free Attention Network for Efficient Super-Resolution", CVPRW 2024), and may write them into its own
weights. A folded copy has merged them once: it is quicker, exporters take it, and what is trained stays untouched.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

_SLOPE = 0.05  # of SPAN's own activation behind a merged convolution


def fold(network: nn.Module) -> nn.Module:
    """An equal network without branches, to be evaluated; ``network`` itself stays as it is.

    A part, or the whole network, is replaced

    - by what its method ``folded() -> nn.Module`` returns, if its class has one;
    - by its convolution ``eval_conv``, if its method ``update_params()`` merges into that, as SPAN's Conv3XC does.

    Returns:
        A copy without gradients, in evaluation mode, equal to the network in that mode up to float rounding; the
        network itself if there is nothing to fold.
    """
    if not any(map(_folds, network.modules())):
        return network
    # Normal tensors, wherever it is called: those made in inference mode could not be used outside.
    with torch.inference_mode(mode=False), torch.no_grad():
        return _folded(deepcopy(network)).eval().requires_grad_(False)


def weights_to_save(network: nn.Module) -> dict[str, Tensor]:
    """The weights under the network's own names, merged kernels among them up to date; it stays as it is.

    A Conv3XC keeps its merged convolution beside the branches, and programs may read that alone. While it trains,
    it is out of date.
    """
    if not any(map(_merges, network.modules())):
        return network.state_dict()
    with torch.inference_mode(mode=False), torch.no_grad():
        copy = deepcopy(network)
        for part in filter(_merges, copy.modules()):
            part.update_params()  # type: ignore[operator]
        return copy.state_dict()


def _folds(part: nn.Module) -> bool:
    return _has_method(part, "folded") or _merges(part)


def _merges(part: nn.Module) -> bool:
    return _has_method(part, "update_params") and isinstance(getattr(part, "eval_conv", None), nn.Conv2d)


def _has_method(part: nn.Module, name: str) -> bool:
    return callable(getattr(type(part), name, None))


def _folded(part: nn.Module) -> nn.Module:
    """``part``, changed in place, or what stands for it."""
    if _has_method(part, "folded"):
        plain: nn.Module = part.folded()  # type: ignore[operator]
        return plain
    if _merges(part):
        return _merged(part)
    for name, child in part.named_children():
        setattr(part, name, _folded(child))
    return part


def _merged(part: nn.Module) -> nn.Module:
    part.update_params()  # type: ignore[operator]
    conv: nn.Module = part.eval_conv  # type: ignore[assignment]
    return nn.Sequential(conv, nn.LeakyReLU(_SLOPE)) if getattr(part, "has_relu", False) else conv
