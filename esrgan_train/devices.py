"""What a device is called, and what it can do; of several GPUs, that one is asked which is given."""

from __future__ import annotations

import re

import torch

from esrgan_train.errors import UserError

_OF_DEVICES = re.compile(r"\s*(CUDA|HIP|cuDNN|cuBLAS|CUBLAS|cuFFT|MIOpen) (driver )?(error|failed)")
_ARCHITECTURE = re.compile(r"sm_(\d+)")  # such as sm_75, and sm_90a


def device_name(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"cpu ({torch.get_num_threads()} threads)" if device.type == "cpu" else device.type


def is_device_error(error: BaseException) -> bool:
    """Whether an exception comes from a GPU or its libraries, rather than from a disk or another process."""
    if isinstance(error, (torch.AcceleratorError, torch.OutOfMemoryError)):
        return True
    return type(error) is RuntimeError and _OF_DEVICES.match(str(error)) is not None


def multiplies_bf16(device: torch.device | str) -> bool:
    """Whether the device has instructions for bf16 products (AVX512-BF16, AMX, Ampere and later)."""
    device = torch.device(device)
    if device.type == "cuda":
        with torch.cuda.device(device):  # which torch asks about
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def check_generation(device: torch.device) -> None:
    """``UserError`` for a GPU that is older than all for which this torch was built."""
    if device.type != "cuda" or torch.version.hip is not None or not torch.cuda.is_available():
        return
    built = [int(match[1]) for arch in torch.cuda.get_arch_list() if (match := _ARCHITECTURE.match(arch))]
    major, minor = torch.cuda.get_device_capability(device)
    if built and 10 * major + minor < min(built):
        least = "{}.{}".format(*divmod(min(built), 10))
        raise UserError(
            f"{device_name(device)} has compute capability {major}.{minor}, and torch {torch.__version__} needs "
            f"{least}: give trainer.accelerator=cpu, or install a torch that was built for this GPU"
        )


def skips_when_fused(device_type: str) -> bool:
    """Whether torch's fused optimizers heed ``found_inf``; those for Apple's GPUs step all the same."""
    return device_type in ("cpu", "cuda")


def prefers_channels_last(device_type: str) -> bool:
    """Whether a plain stack of 3×3 convolutions trains faster in channels_last order.

    On a CPU without AVX-512 the gradients of its weights are slower than what the rest gains, see
    ``archs.weight_gradient``.
    """
    return device_type != "cpu" or torch.backends.cpu.get_cpu_capability() != "AVX2"
