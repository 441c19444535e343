"""A factor that keeps small gradients from vanishing in fp16, whose smallest number is 6e-8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

FIRST = 2.0**16
_LEAST = 1.0
_GROWTH, _BACKOFF = 2.0, 0.5
INTERVAL = 2000  # iterations without an overflow after which it doubles


class LossScale:
    """Multiplies losses before the backward pass and divides their gradients after it.

    An iteration whose gradients overflow, in any process, is left out and halves the factor. It stays on the
    device: nothing waits for it. Source: Micikevicius et al., "Mixed Precision Training", ICLR 2018; the steps are
    those of ``torch.amp.GradScaler``, which serves one optimizer and asks the device each time.
    """

    def __init__(self) -> None:
        self.factor = torch.full((), FIRST)
        self._since = torch.zeros((), dtype=torch.int32)  # iterations without an overflow

    def on(self, device: torch.device) -> Tensor:
        """The factor, which moves to the device of the losses when it is first asked for."""
        if self.factor.device != device:
            state = self.state_dict()
            # Filled there, not copied: from memory that is not pinned, a copy waits for the device.
            self.factor = torch.full((), state["factor"], device=device)
            self._since = torch.full((), state["since"], dtype=torch.int32, device=device)
        return self.factor

    @torch.no_grad()
    def unscale(self, gradients: Sequence[Tensor]) -> None:
        """Divide gradients by the factor; powers of two lose no digits."""
        torch._foreach_mul_(list(gradients), self.factor.reciprocal())

    @torch.no_grad()
    def update(self, overflow: Tensor) -> Tensor:
        """Adjust the factor after an iteration; ``overflow`` is 1 if its gradients were not finite, else 0.

        Returns:
            1 if there was an overflow and the factor was halved; 0 otherwise, also where it cannot be halved.
        """
        settled = overflow * (self.factor > _LEAST)
        torch._amp_update_scale_(self.factor, self._since, overflow, _GROWTH, _BACKOFF, INTERVAL)
        self.factor.clamp_(min=_LEAST)
        return settled

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers for the checkpoint."""
        return {"factor": self.factor.item(), "since": int(self._since)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""
        self.factor.fill_(state["factor"])
        self._since.fill_(state["since"])
