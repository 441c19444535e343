"""What a device can do."""

from __future__ import annotations

import torch


def multiplies_bf16(device_type: str) -> bool:
    """Whether the device has instructions for bf16 products (AVX512-BF16, AMX, Ampere and later)."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device_type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def skips_when_fused(device_type: str) -> bool:
    """Whether torch's fused optimizers heed ``found_inf``; those for Apple's GPUs step all the same."""
    return device_type in ("cpu", "cuda")


def prefers_channels_last(device_type: str) -> bool:
    """Whether a plain stack of 3×3 convolutions trains faster in channels_last order.

    On a CPU without AVX-512 the gradients of its weights are slower than what the rest gains, see
    ``archs.weight_gradient``.
    """
    return device_type != "cpu" or torch.backends.cpu.get_cpu_capability() != "AVX2"
