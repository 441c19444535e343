"""Networks whose weights were added up in another order, compared by what they compute."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn


def assert_same_output(one: nn.Module, other: nn.Module, lr: Tensor) -> None:
    """To 1e-6 of the largest value; in float64, so that the rounding of the weights is all that differs."""
    with torch.no_grad():
        found, expected = (deepcopy(network).double()(lr.double()) for network in (one, other))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * max(1.0, float(expected.abs().max())))
