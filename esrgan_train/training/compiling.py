"""Networks that torch.compile fuses."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from esrgan_train.errors import UserError


def compile_networks(networks: Iterable[nn.Module], device_type: str) -> None:
    """Compile each at its first pass, for the shapes it sees there; the names of the weights stay.

    Crops have one size, so each network is compiled once for each way it is used. It is torch's default mode,
    without CUDA graphs: those keep outputs in memory that the next pass overwrites, and a discriminator's passes
    overlap.

    Raises:
        UserError: what torch.compile needs is not there.
    """
    _check_compiler(device_type)
    for network in networks:
        network.compile(dynamic=False)


def _check_compiler(device_type: str) -> None:
    # Imported here: these take two seconds.
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    from torch.utils._triton import has_triton_package

    remedy = "or give training.compile=false"
    if device_type == "cuda" and not has_triton_package():
        raise UserError(f"training.compile=true needs the package triton on a GPU: install it, {remedy}")
    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, OSError) as error:
        raise UserError(
            f"training.compile=true needs a C++ compiler, and none is found: install g++ or set CXX, {remedy}"
        ) from error
