"""Convolutions and matrix products as torch calls them: what decides their time, and other ways to the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.flop_counter import flop_registry

_BACKWARD = torch.ops.aten.convolution_backward.default
_WANTED = 10  # its last argument: which gradients are asked for (image, weight, bias)
_IMAGE_AXES = 4


@dataclass(frozen=True)
class Layout:
    """A tensor without its values."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    @property
    def length(self) -> int:
        """Numbers from the first to the last in memory."""
        return 1 + sum((size - 1) * stride for size, stride in zip(self.size, self.stride, strict=True))

    def ordered(self, order: torch.memory_format) -> Layout:
        """The same in another order of memory, which only images and kernels have."""
        if len(self.size) != _IMAGE_AXES:
            return self
        empty = torch.empty(self.size, dtype=self.dtype, device="meta", memory_format=order)
        return replace(self, stride=tuple(empty.stride()))


@dataclass(frozen=True)
class Product:
    """A call of a convolution, its gradients or a matrix product, without the values.

    Attributes:
        operator: of torch.
        arguments: with a ``Layout`` for each tensor.
        keywords: the same, by name.
        flops: multiplications and additions, by torch's formula.
    """

    operator: Any
    arguments: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]
    flops: int

    @classmethod
    def of(
        cls, operator: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], result: Any
    ) -> Product | None:
        """What was called, if it is one of these."""
        if (formula := _formula(operator)) is None:
            return None
        flops = formula(*arguments, **keywords, out_val=result)
        return cls(operator, _frozen(arguments), _frozen(tuple(keywords.items())), flops)

    @property
    def layouts(self) -> Iterator[Layout]:
        """Of all tensors."""
        return (leaf for leaf in tree_leaves((self.arguments, self.keywords)) if isinstance(leaf, Layout))

    def prepared(self, make: Callable[[Layout], Tensor]) -> Callable[[], object]:
        """The call, on tensors that ``make`` makes; those that it writes to are its own."""
        expected = self.operator._schema.arguments
        written = {each.name for each in expected if each.is_write}
        given = {each.name: value for each, value in zip(expected, self.arguments, strict=False)}
        tensors = {
            name: tree_map_only(Layout, _zeros if name in written else make, value)
            for name, value in {**given, **dict(self.keywords)}.items()
        }
        return lambda: self.operator(**tensors)

    @property
    def orders(self) -> list[Product]:
        """As called, and with all tensors in either order of memory."""
        formats = torch.channels_last, torch.contiguous_format
        return list(dict.fromkeys([self, *(self._ordered(each) for each in formats)]))

    @property
    def ways(self) -> list[tuple[Product, ...]]:
        """Calls that together give the same: this one, or each gradient by itself."""
        if self.operator is not _BACKWARD or not all(self.arguments[_WANTED][:2]):
            return [(self,)]
        *others, (_, _, bias) = self.arguments
        alone = ((True, False, False), (False, True, bias))
        return [(self,), tuple(replace(self, arguments=(*others, wanted)) for wanted in alone)]

    def __str__(self) -> str:
        """``64 → 128 channels, 4 × 4, from 128 × 128`` for a convolution, else the operator's name."""
        if self.operator is not torch.ops.aten.convolution.default:
            return str(self.operator)
        (*_, rows, columns), (outward, inward, *kernel) = (each.size for each in self.arguments[:2])
        return f"{inward} → {outward} channels, {kernel[0]} × {kernel[1]}, from {rows} × {columns}"

    def _ordered(self, order: torch.memory_format) -> Product:
        return replace(self, arguments=tree_map_only(Layout, lambda layout: layout.ordered(order), self.arguments))


def _formula(operator: Any) -> Callable[..., int] | None:
    """Of the operations; an operator that writes into its first argument has that of the one that does not."""
    packet = operator._overloadpacket
    plain = getattr(torch.ops.aten, packet.__name__.removesuffix("_"), packet)
    formula: Callable[..., int] | None = flop_registry.get(packet) or flop_registry.get(plain)
    return formula


def _frozen(value: Any) -> Any:
    """Layouts for tensors, and tuples for lists."""
    if isinstance(value, Tensor):
        return Layout(tuple(value.shape), value.stride(), value.dtype)
    return tuple(map(_frozen, value)) if isinstance(value, (tuple, list)) else value


def _zeros(layout: Layout) -> Tensor:
    return torch.zeros(layout.length, dtype=layout.dtype).as_strided(layout.size, layout.stride)
