"""The transforms of libjpeg's "islow" method between 8×8 pixels and their frequencies, in its whole numbers.

Each is a product with a matrix of fixed-point numbers, once along the rows and once along the columns, rounded
in between. Source: Loeffler, Ligtenberg and Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications",
1989; ITU-T T.81. No sum leaves 32 bits for coefficients that 8-bit pixels can have.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

_BITS = 13  # of a fixed-point number's fraction
_EXTRA = 2  # bits that the first pass keeps

Matrix = tuple[tuple[int, ...], ...]  # by input, then by output


class JpegTransform(nn.Module):
    """The three transforms, with their matrices on the device.

    Rows, then columns of a block come first, so that each pass reads and writes long runs of memory.
    """

    forwards: Tensor
    backwards: Tensor
    halves: Tensor
    powers: Tensor

    def __init__(self) -> None:
        super().__init__()
        matrices = {"forwards": _of(_forward), "backwards": _of(_inverse), "halves": _halving()}
        for name, matrix in matrices.items():
            self.register_buffer(name, torch.tensor(matrix, dtype=torch.int32), persistent=False)
        self.register_buffer("powers", 1 << torch.arange(31, dtype=torch.int32), persistent=False)

    def forward(self, blocks: Tensor) -> Tensor:
        """Frequencies, eight times too large, of pixels minus 128; both (8, 8, ...) int32."""
        rows = self._pass(blocks, self.forwards, dim=1, shift=_BITS - _EXTRA)
        return self._pass(rows, self.forwards, dim=0, shift=_BITS + _EXTRA)

    def inverse(self, coefficients: Tensor) -> Tensor:
        """Pixels minus 128, not clamped, of frequencies; both (8, 8, ...) int32."""
        columns = self._pass(coefficients, self.backwards, dim=0, shift=_BITS - _EXTRA)
        return self._pass(columns, self.backwards, dim=1, shift=_BITS + _EXTRA + 3)

    def halving_inverse(self, coefficients: Tensor) -> Tensor:
        """Pixels minus 128 at half the size, not clamped: (8, 8, ...) int32 to (4, 4, ...)."""
        columns = self._pass(coefficients, self.halves, dim=0, shift=_BITS - _EXTRA + 1)
        return self._pass(columns, self.halves, dim=1, shift=_BITS + _EXTRA + 4)

    def _pass(self, values: Tensor, matrix: Tensor, *, dim: int, shift: int) -> Tensor:
        """Multiply along a dimension and drop bits, rounding; GPUs have no products of int32 matrices."""
        along = [1] * values.dim()
        along[dim] = matrix.shape[1]
        first, *others = [
            (value, weights.view(along)) for value, weights in zip(values.chunk(8, dim), matrix, strict=True)
        ]
        total = torch.addcmul(self.powers[shift - 1], *first)
        for value, weights in others:
            total.addcmul_(value, weights)
        return total.__irshift__(shift)


def _of(transform: Callable[[Sequence[int]], Sequence[int]]) -> Matrix:
    """The matrix of a transform of eight numbers, by what it makes of each alone."""
    return tuple(tuple(transform([int(i == place) for i in range(8)])) for place in range(8))


def _fixed(value: float) -> int:
    return round(value * (1 << _BITS))


def _cosine(steps: int) -> float:
    return math.sqrt(2) * math.cos(steps * math.pi / 16)


# Constants of the odd part, each rounded by itself; so matrices of rounded cosines would differ in the last digit.
_ODD_SUM = _fixed(_cosine(3))
_ODD_OWN = [
    _fixed(-_cosine(1) + _cosine(3) + _cosine(5) - _cosine(7)),
    _fixed(_cosine(1) + _cosine(3) - _cosine(5) + _cosine(7)),
    _fixed(_cosine(1) + _cosine(3) + _cosine(5) - _cosine(7)),
    _fixed(_cosine(1) + _cosine(3) - _cosine(5) - _cosine(7)),
]
_ODD_PAIRS = [
    -_fixed(_cosine(3) - _cosine(7)),
    -_fixed(_cosine(1) + _cosine(3)),
    -_fixed(_cosine(3) + _cosine(5)),
    -_fixed(_cosine(3) - _cosine(5)),
]
_EVEN_SUM = _fixed(_cosine(6))
_EVEN_LOW, _EVEN_HIGH = _fixed(_cosine(2) - _cosine(6)), -_fixed(_cosine(2) + _cosine(6))


def _odd(one: int, two: int, three: int, four: int) -> tuple[int, int, int, int]:
    """The odd part, which is its own transpose, of four inputs."""
    outer, inner, left, right = one + four, two + three, one + three, two + four
    both = (left + right) * _ODD_SUM
    outer, inner = outer * _ODD_PAIRS[0], inner * _ODD_PAIRS[1]
    left, right = left * _ODD_PAIRS[2] + both, right * _ODD_PAIRS[3] + both
    own = [value * factor for value, factor in zip((one, two, three, four), _ODD_OWN, strict=True)]
    return own[0] + outer + left, own[1] + inner + right, own[2] + inner + left, own[3] + outer + right


def _forward(pixels: Sequence[int]) -> tuple[int, ...]:
    sums = [pixels[place] + pixels[7 - place] for place in range(4)]
    differences = [pixels[place] - pixels[7 - place] for place in range(4)]
    outer, inner = sums[0] + sums[3], sums[1] + sums[2]
    tilt, bend = sums[0] - sums[3], sums[1] - sums[2]
    shared = (tilt + bend) * _EVEN_SUM
    seven, five, three, one = _odd(differences[3], differences[2], differences[1], differences[0])
    low, high = shared + tilt * _EVEN_LOW, shared + bend * _EVEN_HIGH
    return (outer + inner) << _BITS, one, low, three, (outer - inner) << _BITS, five, high, seven


def _inverse(frequencies: Sequence[int]) -> tuple[int, ...]:
    zero, one, two, three, four, five, six, seven = frequencies
    shared = (two + six) * _EVEN_SUM
    low, high = shared + two * _EVEN_LOW, shared + six * _EVEN_HIGH
    plus, minus = (zero + four) << _BITS, (zero - four) << _BITS
    even = plus + low, minus + high, minus - high, plus - low
    odd = _odd(seven, five, three, one)[::-1]
    halves = list(zip(even, odd, strict=True))
    return (*(a + b for a, b in halves), *(a - b for a, b in reversed(halves)))


def _halving() -> Matrix:
    """The inverse whose outputs are means of two neighbours, in which the fourth frequency cancels out."""
    pairs = [[_cosine((4 * out + 1) * k) + _cosine((4 * out + 3) * k) for out in range(4)] for k in range(8)]
    zero = (1 << (_BITS + 1),) * 4
    return (zero, *(tuple(map(_fixed, row)) for row in pairs[1:]))
