"""What this machine can do at best: convolutions at the networks' shapes, and memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from benchmarks.costs import (
    ConvShape,
    IterationCost,
    Shapes,
    discriminator_shapes,
    generator_shapes,
    vgg_shapes,
)
from benchmarks.sizes import Sizes
from esrgan_train.archs.cpu.weight_gradient import convolve

REPEATS = 5  # the best of them counts: a floor is not to be blamed for what else runs
_MEGABYTES = 128


FORMATS = {"32": torch.float32, "bf16": torch.bfloat16}


def takes_taps_first(precision: str) -> bool:
    """Whether the discriminator saves multiplications on this CPU, see ``archs.doubled_conv``."""
    return precision == "32"


class Floor:
    """Rates measured once per run, and what they come to for an iteration.

    Args:
        sizes: of the iterations whose shapes are measured.
        bf16: whether to measure bf16 too; emulated it takes minutes.
    """

    def __init__(self, sizes: Sizes, *, bf16: bool) -> None:
        lr_side = sizes.gt_size // 4
        generator = generator_shapes(lr_side=lr_side, num_feat=sizes.num_feat, num_conv=sizes.num_conv, upscale=4)
        self.rates: dict[str, dict[str, float]] = {}
        for precision, dtype in FORMATS.items():
            if precision == "bf16" and not bf16:
                continue
            networks: dict[str, Shapes] = {
                "generator": generator,
                "discriminator": discriminator_shapes(
                    side=sizes.gt_size, num_feat=sizes.discriminator_feat, taps_first=takes_taps_first(precision)
                ),
            }
            if sizes.perceptual:
                networks["perceptual"] = vgg_shapes(side=sizes.gt_size)
            self.rates[precision] = {
                name: conv_rate(shapes, sizes.gan_batch, dtype) for name, shapes in networks.items()
            }
        self.memory = memory_rate()

    def seconds(self, costs: dict[str, IterationCost], *, samples: int, precision: str) -> float:
        """The convolutions of an iteration of ``samples``, by network, at the rates of their shapes."""
        return sum(samples * cost.flops / self.rates[precision][name] for name, cost in costs.items())

    def as_dict(self) -> dict[str, Any]:
        """Plain values: GFLOP/s by precision and network, GB/s."""
        rates = {p: {name: rate / 1e9 for name, rate in each.items()} for p, each in self.rates.items()}
        return {"conv_gflops": rates, "memory_gb_per_second": self.memory / 1e9}


def conv_rate(shapes: Shapes, batch: int, dtype: torch.dtype) -> float:
    """Operations per second of forward and backward pass, channels_last, over each distinct shape as often as
    the network has it.
    """
    seconds: dict[tuple[int, ...], float] = {}
    for shape in shapes:
        key = _key(shape)
        if key not in seconds:
            seconds[key] = best_of(_conv_pass(shape, batch, dtype))
    flops = 3 * batch * sum(shape.flops for shape in shapes)
    return flops / sum(seconds[_key(shape)] for shape in shapes)


def memory_rate() -> float:
    """Bytes per second read and written by copying a block far larger than any cache."""
    source = torch.ones(_MEGABYTES * 2**18)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / best_of(lambda: target.copy_(source))


def best_of(run: Callable[[], object], repeats: int = REPEATS) -> float:
    """The shortest of some repeats in seconds, after one that does not count."""
    run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _key(shape: ConvShape) -> tuple[int, ...]:
    return shape.in_channels, shape.out_channels, shape.kernel, shape.stride, shape.out_side


def _conv_pass(shape: ConvShape, batch: int, dtype: torch.dtype) -> Callable[[], object]:
    layout: Any = {"dtype": dtype, "memory_format": torch.channels_last}
    image = torch.rand(batch, shape.in_channels, shape.in_side, shape.in_side).to(**layout).requires_grad_()
    weight = torch.rand(shape.out_channels, shape.in_channels, shape.kernel, shape.kernel)
    weight = weight.to(**layout).requires_grad_()
    gradient = torch.rand(batch, shape.out_channels, shape.out_side, shape.out_side).to(**layout)

    def run() -> object:
        if shape.kernel == 1:
            output = F.conv2d(image, weight)
        else:
            output = convolve(image, weight, None, stride=shape.stride)
        return torch.autograd.grad(output, (image, weight), gradient)

    return run
