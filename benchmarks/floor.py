"""What this machine can do at best: the convolutions and products of an iteration, each by itself, and memory.

A product that two cores share is no measure while anything else runs: every part of it ends by waiting for both,
so one of 2 ms takes 60 ms while another process holds a core, and so does each of its repeats right after it. What
one thread takes of its core's time is the same whatever else runs. The floor is that time, shared by all threads
without loss: the shortest of several rounds, between which the iterations run.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.iteration_products import Work
from benchmarks.products import Layout, Product
from benchmarks.threads import one_thread
from benchmarks.timing import best_of, interleaved

_MEGABYTES = 128
_NAMES = {torch.float32: "32", torch.bfloat16: "bf16"}
_HOPELESS = 1.5  # times as long as the best: a way that is not tried again


class BestTimes:
    """The shortest time of each product on all cores; every call gives each another turn.

    Args:
        products: what to time, in all their ways.
    """

    def __init__(self, products: Iterable[Product]) -> None:
        parts = {part: None for product in products for way in product.ways for part in way}
        self._orders = [part.orders for part in parts]
        self.seconds = {order: float("inf") for orders in self._orders for order in orders}
        self._threads = torch.get_num_threads()
        self._numbers = _numbers(self.seconds)

    @torch.no_grad()
    def __call__(self) -> None:
        """One round."""
        with one_thread():
            for orders in self._orders:
                limit = _HOPELESS * min(self.seconds[order] for order in orders)
                for order in orders:
                    if self.seconds[order] <= limit:
                        self._time(order)

    def of(self, product: Product) -> float:
        """Seconds, in the fastest of its ways."""
        return min(sum(min(self.seconds[order] for order in part.orders) for part in way) for way in product.ways)

    def total(self, products: Counter[Product]) -> float:
        """Seconds of products that run so often."""
        return sum(times * self.of(product) for product, times in products.items())

    def fastest(self, ways: Iterable[Counter[Product]]) -> Counter[Product]:
        """The way that takes the least time."""
        return min(ways, key=self.total)

    def seconds_of(self, work: Work) -> float:
        """Of all networks, each in its fastest way."""
        return sum(self.total(self.fastest(ways)) for ways in work.values())

    def _time(self, product: Product) -> None:
        taken = dict.fromkeys(self._numbers, 0)

        def part_of_the_numbers(layout: Layout) -> Tensor:
            start = taken[layout.dtype]
            taken[layout.dtype] += layout.length
            return self._numbers[layout.dtype].as_strided(layout.size, layout.stride, start)

        call = product.prepared(part_of_the_numbers)
        (seconds,) = interleaved({"": call}, rounds=1, clock=time.thread_time)[""]
        self.seconds[product] = min(self.seconds[product], seconds / self._threads)


class Floor:
    """The rates that were reached, for the file and for the reader."""

    def __init__(self) -> None:
        self.memory = memory_rate()
        self.rates: dict[str, dict[str, float]] = {}
        self.shapes: dict[str, dict[str, float]] = {}

    def add(self, precision: str, work: Work, best: BestTimes) -> None:
        """What the networks of an iteration reach, all in all and by the shape of their convolutions.

        Args:
            precision: of the iteration; its perceptual loss is float32 all the same.
        """
        for name, ways in work.items():
            products = best.fastest(ways)
            flops = sum(times * product.flops for product, times in products.items())
            _raise_to(self.rates.setdefault(precision, {}), name, flops / best.total(products))
            for product in ways[0]:
                if product.operator is torch.ops.aten.convolution.default:
                    shapes = self.shapes.setdefault(_NAMES[product.arguments[0].dtype], {})
                    _raise_to(shapes, str(product), product.flops / best.of(product))

    def as_dict(self) -> dict[str, Any]:
        """Plain values: GFLOP/s by precision and network, and by shape; GB/s."""
        return {
            "conv_gflops": _giga(self.rates),
            "conv_gflops_by_shape": _giga(self.shapes),
            "memory_gb_per_second": self.memory / 1e9,
        }

    def in_words(self) -> list[str]:
        """One line for each format, and one for memory."""
        lines = [
            f"convolutions of an iteration in {precision}, GFLOP/s: "
            + ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in rates.items())
            for precision, rates in self.rates.items()
        ]
        for precision, by_shape in self.shapes.items():
            shapes = sorted(by_shape.items(), key=lambda item: item[1])
            ends = " to ".join(f"{rate / 1e9:.0f} ({shape})" for shape, rate in (shapes[0], shapes[-1]))
            lines.append(f"convolutions in {precision} by shape, forward, GFLOP/s: {ends}")
        return [*lines, f"memory, read and written: {self.memory / 1e9:.1f} GB/s"]


def memory_rate() -> float:
    """Bytes per second read and written by copying a block far larger than any cache."""
    source = torch.ones(_MEGABYTES * 2**18)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / best_of(lambda: target.copy_(source))


def _numbers(products: Iterable[Product]) -> dict[torch.dtype, Tensor]:
    """Random numbers of each type, as many as the tensors of any one product hold."""
    lengths: Counter[torch.dtype] = Counter()
    for product in products:
        needed: Counter[torch.dtype] = Counter()
        for layout in product.layouts:
            needed[layout.dtype] += layout.length
        lengths |= needed
    return {dtype: torch.empty(length).uniform_(-1, 1).to(dtype) for dtype, length in lengths.items()}


def _raise_to(rates: dict[str, float], name: str, rate: float) -> None:
    rates[name] = max(rate, rates.get(name, 0.0))


def _giga(rates: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {p: {name: rate / 1e9 for name, rate in each.items()} for p, each in rates.items()}
