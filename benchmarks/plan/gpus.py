"""Peak rates of GPUs as their maker publishes them; nothing here was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from esrgan_train.commands import shell_word
from esrgan_train.errors import UserError


class Gpu(NamedTuple):
    """Dense bf16 products with float32 sums, plain float32, and memory.

    Attributes:
        name: as it is sold.
        flops: operations per second in bf16 products; in fp16 ones without ``has_bf16``.
        bytes: of memory, per second.
        gb: of memory, in binary gigabytes.
        fp32: operations per second in plain float32.
        counts: how many together a plan shows.
        has_bf16: whether it multiplies bf16.
    """

    name: str
    flops: float
    bytes: float
    gb: int
    fp32: float
    counts: tuple[int, ...] = (1, 4, 8)
    has_bf16: bool = True


def geforce(name: str, *, cores: int, ghz: float, gb_per_second: float, gb: int) -> Gpu:
    """A GeForce of the 30, 40 or 50 series: its tensor cores do twice what its cores do, two operations a clock.

    Args:
        name: behind "RTX".
        cores: CUDA cores.
        ghz: boost clock.
        gb_per_second: memory.
        gb: of memory.
    """
    fp32 = 2 * cores * ghz * 1e9
    return Gpu(f"RTX {name}", 2 * fp32, gb_per_second * 1e9, gb, fp32, counts=(1,))


GPUS = (
    Gpu("T4", 65e12, 320e9, 16, 8.1e12, counts=(1,), has_bf16=False),
    geforce("3060", cores=3584, ghz=1.777, gb_per_second=360, gb=12),
    geforce("3060 Ti", cores=4864, ghz=1.665, gb_per_second=448, gb=8),
    geforce("3070", cores=5888, ghz=1.725, gb_per_second=448, gb=8),
    geforce("3080", cores=8704, ghz=1.71, gb_per_second=760, gb=10),
    geforce("3090", cores=10496, ghz=1.695, gb_per_second=936, gb=24),
    geforce("4060", cores=3072, ghz=2.46, gb_per_second=272, gb=8),
    geforce("4060 Ti", cores=4352, ghz=2.535, gb_per_second=288, gb=8),
    geforce("4070", cores=5888, ghz=2.475, gb_per_second=504, gb=12),
    geforce("4080", cores=9728, ghz=2.505, gb_per_second=717, gb=16),
    geforce("4090", cores=16384, ghz=2.52, gb_per_second=1008, gb=24),
    geforce("5060 Ti", cores=4608, ghz=2.572, gb_per_second=448, gb=16),
    geforce("5070", cores=6144, ghz=2.512, gb_per_second=672, gb=12),
    geforce("5070 Ti", cores=8960, ghz=2.452, gb_per_second=896, gb=16),
    geforce("5080", cores=10752, ghz=2.617, gb_per_second=960, gb=16),
    geforce("5090", cores=21760, ghz=2.407, gb_per_second=1792, gb=32),
    Gpu("L4", 121e12, 300e9, 24, 30.3e12),
    Gpu("A100 40 GB", 312e12, 1555e9, 40, 19.5e12),
    Gpu("A100 80 GB", 312e12, 2039e9, 80, 19.5e12),
    Gpu("H100 SXM", 989e12, 3350e9, 80, 67e12),
)


def sold_as(driver_name: str, *, memory_gb: float) -> Gpu | None:
    """The card that a driver calls by this name, such as ``NVIDIA GeForce RTX 4060 Ti``; None if it is not here.

    Args:
        driver_name: of the card.
        memory_gb: that the driver finds, which tells an A100 from another.
    """
    words = driver_name.replace("-", " ").split()
    named = [gpu for gpu in GPUS if _is_part(gpu.name.removesuffix(" GB").split(), words, memory_gb)]
    return max(named, key=lambda gpu: len(gpu.name), default=None)


def _is_part(name: list[str], words: list[str], memory_gb: float) -> bool:
    """Whether all words of a card's name are in the driver's; a plain number of an A100 is its memory."""
    if name[0] == "A100":
        return "A100" in words and abs(int(name[1]) - memory_gb) < 2
    if name[0] == "H100":
        return "H100" in words and not {"PCIe", "NVL"} & set(words)
    return all(word in words for word in name) and not ({"SUPER", "Laptop"} & set(words))


def gpus_named(names: Sequence[str]) -> Sequence[Gpu]:
    """Those GPUs; without names all.

    Raises:
        UserError: there is no GPU of a name.
    """
    known = {gpu.name: gpu for gpu in GPUS}
    if unknown := [name for name in names if name not in known]:
        choices = ", ".join(map(shell_word, known))
        raise UserError(f"--gpu {shell_word(unknown[0])}: not known; give one of {choices}")
    return [known[name] for name in names] or GPUS
