"""Peak rates of GPUs as their maker publishes them; nothing here was measured."""

from __future__ import annotations

from typing import NamedTuple


class Gpu(NamedTuple):
    """Dense bf16 products with float32 sums, and memory.

    Attributes:
        name: as it is sold.
        flops: operations per second.
        bytes: of memory, per second.
        counts: how many together a plan shows.
    """

    name: str
    flops: float
    bytes: float
    counts: tuple[int, ...] = (1, 4, 8)


def geforce(name: str, *, cores: int, ghz: float, gb_per_second: float) -> Gpu:
    """A GeForce of the 30, 40 or 50 series: its tensor cores do twice what its cores do, two operations a clock.

    Args:
        name: behind "RTX".
        cores: CUDA cores.
        ghz: boost clock.
        gb_per_second: memory.
    """
    return Gpu(f"RTX {name}", 2 * 2 * cores * ghz * 1e9, gb_per_second * 1e9, counts=(1,))


GPUS = (
    geforce("3060", cores=3584, ghz=1.777, gb_per_second=360),
    geforce("3060 Ti", cores=4864, ghz=1.665, gb_per_second=448),
    geforce("3070", cores=5888, ghz=1.725, gb_per_second=448),
    geforce("3080", cores=8704, ghz=1.71, gb_per_second=760),
    geforce("3090", cores=10496, ghz=1.695, gb_per_second=936),
    geforce("4060", cores=3072, ghz=2.46, gb_per_second=272),
    geforce("4060 Ti", cores=4352, ghz=2.535, gb_per_second=288),
    geforce("4070", cores=5888, ghz=2.475, gb_per_second=504),
    geforce("4080", cores=9728, ghz=2.505, gb_per_second=717),
    geforce("4090", cores=16384, ghz=2.52, gb_per_second=1008),
    geforce("5060 Ti", cores=4608, ghz=2.572, gb_per_second=448),
    geforce("5070", cores=6144, ghz=2.512, gb_per_second=672),
    geforce("5070 Ti", cores=8960, ghz=2.452, gb_per_second=896),
    geforce("5080", cores=10752, ghz=2.617, gb_per_second=960),
    geforce("5090", cores=21760, ghz=2.407, gb_per_second=1792),
    Gpu("L4", 121e12, 300e9),
    Gpu("A100 40 GB", 312e12, 1555e9),
    Gpu("H100 SXM", 989e12, 3350e9),
)
