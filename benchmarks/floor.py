"""What this machine can do at best: convolutions of the networks' shapes, and memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchmarks.costs import Convolution, Cost, iteration_costs
from benchmarks.sizes import Sizes
from benchmarks.timing import best_of
from esrgan_train.archs.cpu.weight_gradient import convolve

FORMATS = {"32": torch.float32, "bf16": torch.bfloat16}
_MEGABYTES = 128


class Floor:
    """Rates measured once per run, and what they mean for an iteration.

    Args:
        sizes: of the iterations whose shapes are measured.
        bf16: whether to measure bf16 too; emulated it takes minutes.
    """

    def __init__(self, sizes: Sizes, *, bf16: bool) -> None:
        costs = iteration_costs(
            tuple(sizes.overrides()), gt_size=sizes.gt_size, stage="gan", perceptual=sizes.thorough
        )
        self.rates = {
            precision: {name: conv_rate(cost.convolutions, sizes.gan_batch, dtype) for name, cost in costs.items()}
            for precision, dtype in FORMATS.items()
            if bf16 or precision == "32"
        }
        self.memory = memory_rate()

    def seconds(self, costs: Mapping[str, Cost], *, samples: int, precision: str) -> float:
        """The convolutions of an iteration of ``samples``, by network, at the rates of their shapes."""
        return sum(samples * cost.flops / self.rates[precision][name] for name, cost in costs.items())

    def as_dict(self) -> dict[str, Any]:
        """Plain values: GFLOP/s by precision and network, GB/s."""
        rates = {p: {name: rate / 1e9 for name, rate in each.items()} for p, each in self.rates.items()}
        return {"conv_gflops": rates, "memory_gb_per_second": self.memory / 1e9}

    def in_words(self) -> list[str]:
        """One line for each format, and one for memory."""
        lines = [
            f"convolutions, {precision}, channels_last, forward and backward, GFLOP/s: "
            + ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in rates.items())
            for precision, rates in self.rates.items()
        ]
        return [*lines, f"memory, read and written: {self.memory / 1e9:.1f} GB/s"]


def conv_rate(convolutions: Mapping[Convolution, int], batch: int, dtype: torch.dtype) -> float:
    """Operations per second, forward and backward, channels_last; each shape counts as often as it runs."""
    flops = seconds = 0.0
    for shape, times in convolutions.items():
        run = _conv_pass(shape, batch, dtype)
        weights = shape.in_channels * shape.out_channels * shape.kernel**2
        flops += times * 3 * 2 * weights * batch * (shape.in_side // shape.stride) ** 2
        seconds += times * best_of(run)
    return flops / seconds


def memory_rate() -> float:
    """Bytes per second read and written by copying a block far larger than any cache."""
    source = torch.ones(_MEGABYTES * 2**18)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / best_of(lambda: target.copy_(source))


def _conv_pass(shape: Convolution, batch: int, dtype: torch.dtype) -> Callable[[], object]:
    layout: Any = {"dtype": dtype, "memory_format": torch.channels_last}
    image = torch.rand(batch, shape.in_channels, shape.in_side, shape.in_side).to(**layout).requires_grad_()
    weight = torch.rand(shape.out_channels, shape.in_channels, shape.kernel, shape.kernel)
    weight = weight.to(**layout).requires_grad_()
    out_side = shape.in_side // shape.stride
    gradient = torch.rand(batch, shape.out_channels, out_side, out_side).to(**layout)

    def run() -> object:
        output = convolve(image, weight, None, stride=shape.stride)
        return torch.autograd.grad(output, (image, weight), gradient)

    return run
