"""Iterations of both ways in turns, in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from torch import nn

from benchmarks.apart import free_port
from benchmarks.child import result_of, start_child
from benchmarks.exchange.buckets import Overlapped
from benchmarks.iterations import Contender, contenders
from benchmarks.ours import BareStep, random_batch
from benchmarks.sizes import Sizes
from benchmarks.timing import interleaved
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.cores import usable_cores
from esrgan_train.training.module import ESRGANModule

FLAT, BUCKETS = "flat", "buckets"
STAGES = {"pixel": "pixel_iteration", "GAN": "gan_iteration"}  # of ``iterations.ITERATIONS``


@dataclass(frozen=True)
class Turns:
    """Seconds of each round of both ways, of the slowest process, and what they came to.

    Attributes:
        processes: how many exchanged gradients.
        stage: one of ``STAGES``.
        threads: of each process.
        buckets: how many there were.
        seconds: of each way, by round.
        weights: of each way, the sum of the absolute values of all weights at the end.
    """

    processes: int
    stage: str
    threads: int
    buckets: int
    seconds: dict[str, list[float]]
    weights: dict[str, float]


def measure(processes: int, stage: str, sizes: Sizes) -> Turns:
    """Both ways from the same weights on the same batches.

    Raises:
        RunError: a process failed.
    """
    threads = max(1, usable_cores() // processes)
    shared = {
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
        "OMP_NUM_THREADS": str(threads),
    }
    ranks = range(processes)
    children = [start_child(measure_process, stage, sizes, RANK=str(rank), **shared) for rank in ranks]
    results = [result_of(child, f"{processes} processes") for child in children]
    first = results[0]
    slowest = {way: _slowest([result["seconds"][way] for result in results]) for way in (FLAT, BUCKETS)}
    return Turns(processes, stage, threads, first["buckets"], slowest, first["weights"])


def measure_process(stage: str, sizes: Sizes) -> dict[str, Any]:
    """One process's seconds of each round, the number of buckets, and the weights at the end."""
    keep_freed_memory()  # as training does
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    dist.init_process_group("gloo")
    batch_size = sizes.pixel_batch if stage == "pixel" else sizes.gan_batch
    key = STAGES[stage]
    sides = {way: contenders(sizes, [key], batch_size=batch_size, only=key)[key] for way in (FLAT, BUCKETS)}
    modules = {way: _module(side) for way, side in sides.items()}
    for side in sides.values():  # each process has samples of its own
        side.batch = random_batch(batch_size=batch_size, gt_size=sizes.gt_size, upscale=4, seed=dist.get_rank())
    overlapped = Overlapped(_parameters(modules[BUCKETS]))

    def flat() -> None:
        dist.barrier()
        sides[FLAT]()

    def in_buckets() -> None:
        dist.barrier()
        with patch("esrgan_train.training.step.all_reduce_mean", overlapped.mean):
            sides[BUCKETS]()

    turns: dict[str, Callable[[], object]] = {FLAT: flat, BUCKETS: in_buckets}
    seconds = interleaved(turns, rounds=sizes.rounds, warm_up=2)  # the first one does without buckets
    dist.destroy_process_group()
    weights = {way: _sum_of_weights(module) for way, module in modules.items()}
    return {"seconds": seconds, "buckets": len(overlapped.buckets), "weights": weights}


def _module(side: Contender) -> ESRGANModule:
    assert isinstance(side.step, BareStep)
    return side.step.module


def _parameters(module: ESRGANModule) -> list[nn.Parameter]:
    return [parameter for network in module.step.networks for parameter in network.parameters()]


def _sum_of_weights(module: ESRGANModule) -> float:
    return float(sum(parameter.detach().double().abs().sum() for parameter in _parameters(module)))


def _slowest(of_processes: Sequence[Sequence[float]]) -> list[float]:
    return [max(seconds) for seconds in zip(*of_processes, strict=True)]
