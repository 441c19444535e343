"""Named tensors of fixed shapes as one row of bytes: a batch of drawings then is one tensor on its way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_ALIGNMENT = 8  # bytes, of the widest number


class Field(NamedTuple):
    """Where a tensor's bytes lie in the row, and what they are."""

    start: int
    stop: int
    dtype: torch.dtype
    shape: tuple[int, ...]


class Layout:
    """The places of the tensors in a row of bytes; each worker would else share some forty files per batch.

    Args:
        example: tensors of the shapes and types that all have.
    """

    def __init__(self, example: Mapping[str, Tensor]) -> None:
        self.fields: dict[str, Field] = {}
        stop = 0
        for name, tensor in example.items():
            start = math.ceil(stop / _ALIGNMENT) * _ALIGNMENT
            stop = start + tensor.numel() * tensor.element_size()
            self.fields[name] = Field(start, stop, tensor.dtype, tuple(tensor.shape))
        self.length = math.ceil(stop / _ALIGNMENT) * _ALIGNMENT

    def flat(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """The tensors, on the CPU, as (length,) uint8."""
        row = np.zeros(self.length, np.uint8)
        for name, (start, stop, dtype, shape) in self.fields.items():
            tensor = tensors[name]
            assert (tensor.dtype, tensor.shape) == (dtype, shape), name
            row[start:stop] = tensor.contiguous().numpy().reshape(-1).view(np.uint8)
        return torch.from_numpy(row)

    def apart(self, rows: Tensor) -> dict[str, Tensor]:
        """The tensors of a batch of rows, (B, length) uint8, as views: each (B, …) with its own shape."""
        return {
            name: rows[:, start:stop].view(dtype).view(len(rows), *shape)
            for name, (start, stop, dtype, shape) in self.fields.items()
        }
