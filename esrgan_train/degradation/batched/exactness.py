"""Products of matrices with all digits of float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from esrgan_train.kernels import exact_float32


@contextmanager
def all_digits(device: torch.device) -> Iterator[None]:
    """Within, nothing is rounded to TF32 or to the format of an autocast outside."""
    with exact_float32(), torch.autocast(device.type, enabled=False):
        yield
