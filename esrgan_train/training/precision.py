"""Which number format the networks compute in."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import UserError


@dataclass(frozen=True)
class Precision:
    """The format of the networks' forward and backward pass; losses and weights are always float32.

    ``name`` is ``32`` or ``bf16``; ``reason`` says why it was chosen, in words for the start-up lines.
    """

    name: str
    device_type: str
    reason: str

    def autocast(self) -> torch.autocast:
        """A context in which convolutions run in this format."""
        return torch.autocast(self.device_type, dtype=torch.bfloat16, enabled=self.name == "bf16")


def choose_precision(requested: str | int, device_type: str) -> Precision:
    """Resolve ``trainer.precision``: ``auto``, ``32`` or ``bf16`` on a ``cpu``, ``cuda`` or ``mps`` device.

    ``auto`` takes bf16 only where the hardware multiplies it natively: emulated bf16 is far slower than
    float32. fp16 is refused, because the losses of this training overflow it.

    Raises:
        UserError: any other value.
    """
    requested = str(requested)
    if requested in ("32", "bf16"):
        return Precision(requested, device_type, "as asked")
    if requested != "auto":
        raise UserError(f"trainer.precision={requested} is not supported: choose auto, 32 or bf16")
    if multiplies_bf16(device_type):
        return Precision("bf16", device_type, f"this {device_type} multiplies bf16 natively")
    return Precision("32", device_type, f"this {device_type} has no native bf16")
