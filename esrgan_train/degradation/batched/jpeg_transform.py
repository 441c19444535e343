"""The transforms of libjpeg's "islow" method between 8×8 pixels and their frequencies, in its whole numbers.

Each is a product with a matrix of fixed-point numbers, once along the rows and once along the columns, rounded
in between. Source: Loeffler, Ligtenberg and Moschytz, "Practical Fast 1-D DCT Algorithms with 11 Multiplications",
1989; ITU-T T.81.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

_BITS = 13  # of a fixed-point number's fraction
_EXTRA = 2  # bits that the first pass keeps
_LOW = 7  # bits of a factor that are multiplied apart from the others
_WHOLE = 1 << 24  # up to here float32 holds every whole number

# The largest numbers that 8-bit pixels lead to. After one pass back, a number is that of at most 715 grey values
# (362 of a row of pixels that are transformed exactly, the rest by rounding to multiples of 255), times 4·√8.
_PIXEL, _ONCE, _FREQUENCY, _ONCE_BACK = 2**7, 2**12, 2**11, 2**13

Matrix = tuple[tuple[int, ...], ...]  # by input, then by output


class JpegTransform(nn.Module):
    """The three transforms of planes (B, H, W) of 8×8 blocks: float32 that holds whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        forwards, backwards, halves = _of(_forward), _of(_inverse), _halving()
        self.rows = FixedProduct(forwards, _BITS - _EXTRA, largest=_PIXEL)
        self.columns = FixedProduct(forwards, _BITS + _EXTRA, largest=_ONCE)
        self.columns_back = FixedProduct(backwards, _BITS - _EXTRA, largest=_FREQUENCY)
        self.rows_back = FixedProduct(backwards, _BITS + _EXTRA + 3, largest=_ONCE_BACK)
        self.columns_halved = FixedProduct(halves, _BITS - _EXTRA + 1, largest=_FREQUENCY)
        self.rows_halved = FixedProduct(halves, _BITS + _EXTRA + 4, largest=_ONCE_BACK)

    def forward(self, pixels: Tensor) -> Tensor:
        """Frequencies, eight times too large, of pixels minus 128."""
        return self.columns.down(self.rows.along(pixels))

    def inverse(self, frequencies: Tensor) -> Tensor:
        """Pixels minus 128, not clamped."""
        return self.rows_back.along(self.columns_back.down(frequencies))

    def halving_inverse(self, frequencies: Tensor) -> Tensor:
        """Pixels minus 128 at half the size, not clamped: (B, H, W) to (B, H/2, W/2)."""
        return self.rows_halved.along(self.columns_halved.down(frequencies))


class FixedProduct(nn.Module):
    """x·M/2^shift, rounded, of whole numbers, by products in float32 that are exact; TF32 must be off.

    GPUs multiply no matrices of whole numbers of 32 bits. So the lower bits of the factors are multiplied apart
    where sums could leave the 24 bits that float32 holds.

    Args:
        matrix: fixed-point numbers, (8, n).
        shift: the bits that are dropped.
        largest: no number in x is larger.
    """

    factors: Tensor
    offsets: Tensor

    def __init__(self, matrix: Matrix, shift: int, *, largest: int) -> None:
        super().__init__()
        self.matrix, self.shift, self.largest = matrix, shift, largest
        self.outputs, self.scale = len(matrix[0]), 2.0 ** (_LOW - shift)
        self.split = not _fits(matrix, largest)
        high, low = ([[part(factor) for factor in row] for row in matrix] for part in (_high, _low))
        assert not self.split or (_fits(high, largest) and _fits(low, largest))
        # Divided by powers of two, which changes no digit.
        shares = ((high, self.scale), (low, 2.0**-_LOW)) if self.split else ((matrix, 2.0**-shift),)
        offsets = [0.0, 2.0 ** (shift - 1 - _LOW)] if self.split else [0.5]
        factors = torch.cat([torch.tensor(part) * share for part, share in shares], dim=1)
        self.register_buffer("factors", factors, persistent=False)
        self.register_buffer("offsets", torch.tensor(offsets).repeat_interleave(self.outputs), persistent=False)

    def along(self, planes: Tensor) -> Tensor:
        """Along the rows: (B, H, 8·w) to (B, H, n·w)."""
        batch, height, _ = planes.shape
        products = torch.addmm(self.offsets, planes.reshape(-1, 8), self.factors)
        return self._rounded(products, dim=1).view(batch, height, -1)

    def down(self, planes: Tensor) -> Tensor:
        """Along the columns: (B, 8·h, W) to (B, n·h, W)."""
        batch, _, width = planes.shape
        strips = planes.reshape(-1, 8, width)
        factors = self.factors.T.expand(len(strips), -1, -1)
        products = torch.baddbmm(self.offsets[:, None], factors, strips)
        return self._rounded(products, dim=1).view(batch, -1, width)

    def _rounded(self, products: Tensor, dim: int) -> Tensor:
        if not self.split:
            return products.floor_()
        high, low = products.split(self.outputs, dim)  # type: ignore[no-untyped-call]
        return torch.add(high, low.floor(), alpha=self.scale).floor_()


def _fits(factors: Sequence[Sequence[int]], largest: int) -> bool:
    """Whether sums of products with numbers up to ``largest`` are exact in float32, in any order."""
    sums = [sum(abs(factor) for factor in column) for column in zip(*factors, strict=True)]
    return bool(max(sums) * largest < _WHOLE)


def _high(factor: int) -> int:
    return factor >> _LOW


def _low(factor: int) -> int:
    return factor & ((1 << _LOW) - 1)


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
