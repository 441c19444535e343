"""Networks that torch.compile fuses."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Iterable
from pathlib import Path

from torch import nn

from esrgan_train.errors import UserError

_REMEDY = "or give training.compile=false"


def compile_networks(networks: Iterable[nn.Module], device_type: str) -> None:
    """Compile each at its first pass, for the shapes it sees there; the names of the weights stay.

    Crops have one size, so each network is compiled once for each way it is used. It is torch's default mode,
    without CUDA graphs: those keep outputs in memory that the next pass overwrites, and a discriminator's passes
    overlap.

    Raises:
        UserError: what torch.compile needs is not there.
    """
    _check_compiler(device_type)
    _keep_graphs()
    for network in networks:
        network.compile(dynamic=False)


def _keep_graphs() -> None:
    """Let compiled backward passes leave alone what the forward pass kept for them.

    One pass of a discriminator serves two backward passes. A warm-up has only the second of them: compiled then,
    it would take the kept tensors for its own results, and once both are needed torch refuses.
    """
    import torch._functorch.config as functorch

    functorch.donated_buffer = False


def _check_compiler(device_type: str) -> None:
    # Imported here: these take two seconds.
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    from torch.utils._triton import has_triton_package

    if device_type == "cuda":
        if not has_triton_package():
            raise UserError(f"training.compile=true needs the package triton on a GPU: install it, {_REMEDY}")
        if "CC" not in os.environ and not any(map(shutil.which, ("gcc", "clang"))):  # where triton looks
            raise UserError(
                f"training.compile=true needs a C compiler, and none is found: install gcc or set CC, {_REMEDY}"
            )
    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, OSError) as error:
        raise UserError(
            f"training.compile=true needs a C++ compiler, and none is found: install g++ or set CXX, {_REMEDY}"
        ) from error
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if not header.exists():
        raise UserError(
            f"training.compile=true needs Python's headers, and {header} is missing: install them (on Debian and "
            f"Ubuntu the package python3-dev), {_REMEDY}"
        )
