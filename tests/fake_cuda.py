"""Fake CUDA tensors: devices and shapes without values and without a GPU, so that whatever waits for one is seen.

``.item()``, branches on values and mixed devices raise on them. Backward passes and optimizers do not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.training import ema


class Copies(TorchDispatchMode):
    """Notes every copy from the GPU to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        sources = {t.device.type for t in args if isinstance(t, Tensor)}
        if isinstance(output, Tensor) and output.device.type == "cpu" and "cuda" in sources:
            self.found.append(str(func))
        return output


@contextmanager
def fake_cuda() -> Iterator[Copies]:
    """Everything made in here is a fake tensor, on CUDA unless another device is given."""
    copies = Copies()
    with ExitStack() as stack:
        # Fake parameters are on CUDA from the start; they cannot be copied, nor change their order of memory.
        stack.enter_context(patch.object(ema, "deepcopy", lambda _: SRVGGNetCompact(num_feat=8, num_conv=2)))
        stack.enter_context(patch.object(nn.Module, "to", lambda network, *_, **__: network))
        stack.enter_context(FakeTensorMode())
        stack.enter_context(torch.device("cuda"))
        stack.enter_context(copies)
        yield copies
