"""From costs and rates to the time that a stage takes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.costs import Cost
from benchmarks.held import Held
from benchmarks.plan.gpus import Gpu
from benchmarks.rendering import Rendering

BF16_BYTES = 2
GPUS_PER_NODE = 8

# Assumptions, each stated in docs/scaling.md.
COMPUTE_EFFICIENCY = 0.25  # of the peak rate: convolutions of 64 channels fill no tensor core
FP32_EFFICIENCY = 0.5  # of the peak rate, in the renderer's products
MEMORY_EFFICIENCY = 0.7  # of the peak bandwidth
KERNEL_SECONDS = 5e-6  # that starting a kernel takes the host
LINK_BYTES_PER_SECOND = {"node": 20e9, "cluster": 10e9}  # reached by one flat reduction of a few MB
LINK_SECONDS = {"node": 5e-6, "cluster": 15e-6}  # of each step of a reduction, however little it moves
RESERVED_GB = 1.5  # that CUDA, cuDNN's scratch space, a desktop and what no tensor fits into keep of a card


class Prediction(NamedTuple):
    """One stage on some GPUs. Seconds are those of one iteration."""

    iterations: int
    compute: float
    memory: float
    exchange: float
    loading: float  # that the given cores take for this GPU's samples
    rendering: float = 0.0  # by the GPU

    @property
    def training(self) -> float:
        """Everything but loading, one after the other."""
        return self.compute + self.memory + self.exchange + self.rendering

    @property
    def seconds(self) -> float:
        """Loading runs in parallel with everything else."""
        return max(self.training, self.loading)

    @property
    def loader_share(self) -> float:
        """By what the cores that load would have to be multiplied for loading to hold nothing back."""
        return self.loading / self.training

    @property
    def exchange_share(self) -> float:
        """Of an iteration, in which gradients travel and nothing else is done."""
        return self.exchange / self.seconds

    @property
    def saturated(self) -> str:
        """What the iteration waits for most."""
        if self.loading > self.training:
            return "loader"
        busy = {
            "compute": self.compute,
            "memory": self.memory,
            "gradients": self.exchange,
            "rendering": self.rendering,
        }
        return max(busy, key=lambda name: busy[name])


def predict(
    costs: Iterable[Cost],
    gpu: Gpu,
    *,
    gpus: int,
    batch: int,
    iterations: int,
    loading: float,
    rendering: Rendering | None = None,
) -> Prediction:
    """A stage of ``iterations``.

    Args:
        costs: by network.
        gpu: its peak rates.
        gpus: how many.
        batch: samples per GPU and iteration, as ``data.batch_size``.
        iterations: of the stage.
        loading: seconds that the cores of one GPU take for one sample.
        rendering: what the GPU does for the samples; None if workers do it.
    """
    costs = list(costs)
    return Prediction(
        iterations=iterations,
        compute=batch * sum(cost.flops for cost in costs) / (gpu.flops * COMPUTE_EFFICIENCY),
        memory=batch * sum(cost.numbers for cost in costs) * BF16_BYTES / (gpu.bytes * MEMORY_EFFICIENCY),
        exchange=exchange_seconds(sum(cost.parameters for cost in costs), processes=gpus),
        loading=batch * loading,
        rendering=0.0 if rendering is None else rendering_seconds(rendering, gpu, batch=batch),
    )


def rendering_seconds(rendering: Rendering, gpu: Gpu, *, batch: int) -> float:
    """A batch on a GPU: the host starts kernels while the GPU works on those before."""
    moved = rendering.bytes / (gpu.bytes * MEMORY_EFFICIENCY)
    multiplied = rendering.flops / (gpu.fp32 * FP32_EFFICIENCY)
    return max(rendering.kernels * KERNEL_SECONDS, batch * (moved + multiplied))


def needed_gb(held: Held, *, batch: int) -> float:
    """Of a card's memory, in binary gigabytes."""
    return held.bytes(batch) / 2**30 + RESERVED_GB


def gradient_bytes(parameters: int, *, processes: int) -> float:
    """Bytes that each process sends per iteration to average float32 gradients (ring reduction)."""
    return 2 * (processes - 1) / processes * 4 * parameters


def exchange_seconds(parameters: int, *, processes: int) -> float:
    """To average float32 gradients: as bytes take, and as many steps as a tree has levels, up and down."""
    link = "node" if processes <= GPUS_PER_NODE else "cluster"
    steps = 2 * math.ceil(math.log2(processes))
    return (
        gradient_bytes(parameters, processes=processes) / LINK_BYTES_PER_SECOND[link] + steps * LINK_SECONDS[link]
    )


def days(stages: Iterable[Prediction]) -> float:
    """From the start to the end of all stages."""
    return sum(stage.iterations * stage.seconds for stage in stages) / 86400
