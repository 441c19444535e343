"""Which number format the networks compute in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from esrgan_train.bounds import check_value
from esrgan_train.devices import check_generation, multiplies_bf16
from esrgan_train.training.casting import run_with_cast_weights

PrecisionName = Literal["auto", "32", "bf16", "16"]

Outputs = Tensor | Sequence[Tensor]

_TYPES = {"bf16": torch.bfloat16, "16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """The format of the networks' forward and backward pass; losses and weights are always float32."""

    name: str  # 32, bf16 or 16
    device_type: str
    reason: str  # why it was chosen, for the start-up lines

    def forward(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """The network's output, computed in this format, as float32."""
        (output,) = self.outputs(network, images)
        return output

    def outputs(self, network: Callable[[Tensor], Outputs], images: Tensor) -> tuple[Tensor, ...]:
        """All outputs of a network that may have several."""
        lower = _TYPES.get(self.name)
        with self.autocast():
            if lower is not None and images.device.type == "cuda":  # elsewhere a kernel costs nothing to start
                result = run_with_cast_weights(network, images, lower)
            else:
                result = network(images)
            return tuple(output.float() for output in outputs_of(result))

    def autocast(self) -> torch.autocast:
        """Within, products and convolutions are computed in this format."""
        lower = _TYPES.get(self.name)
        return torch.autocast(self.device_type, dtype=lower, enabled=lower is not None)

    @property
    def needs_scale(self) -> bool:
        """Whether small gradients would vanish without a ``LossScale``."""
        return self.name == "16"


def outputs_of(result: Outputs) -> tuple[Tensor, ...]:
    """What a network returned, as a tuple."""
    return (result,) if isinstance(result, Tensor) else tuple(result)


def choose_precision(requested: str | int, device: torch.device | str) -> Precision:
    """Resolve ``trainer.precision``: ``auto``, ``32``, ``bf16`` or ``16``, on cpu, cuda or mps.

    ``auto`` takes bf16 only where the hardware multiplies it natively: emulated bf16 is far slower than float32.
    fp16 (``16``) is for GPUs without bf16, by choice: it needs a loss scale, and leaves out the iterations in
    which that was too large.

    Raises:
        UserError: any other value.
    """
    check_value("trainer.precision", requested, PrecisionName)
    check_generation(torch.device(device))
    device_type = torch.device(device).type
    if str(requested) != "auto":
        slow = ", and far slower than 32" if str(requested) == "16" and device_type == "cpu" else ""
        return Precision(str(requested), device_type, f"as requested{slow}")
    if multiplies_bf16(device):
        return Precision("bf16", device_type, f"this {device_type} multiplies bf16 natively")
    cost = "; trainer.precision=16 is faster on its tensor cores" if device_type == "cuda" else ""
    return Precision("32", device_type, f"this {device_type} has no native bf16{cost}")
