"""Fake CUDA tensors: devices and shapes without values and without a GPU, so that whatever waits for one is seen.

``.item()``, branches on values and mixed devices raise on them. Backward passes do not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from esrgan_train.archs import doubling
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.training import ema


class Copies(TorchDispatchMode):
    """Notes every copy between the GPU and the host.

    Attributes:
        found: from the GPU, which the host waits for.
        sent: to the GPU. No memory is pinned here, and from other memory a copy may wait too.
        formats: of the outputs of convolutions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.sent: list[str] = []
        self.formats: list[torch.dtype] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        made = [t for t in tree_leaves(output) if isinstance(t, Tensor)]
        if any(t.device.type == "cpu" for t in made) and any(t.device.type == "cuda" for t in given):
            self.found.append(str(func))
        # Operations take a number on the host as it is; only copies send it.
        copies = func._opname in ("copy_", "_to_copy", "_copy_from", "_foreach_copy_")
        if copies and any(t.device.type == "cuda" for t in made) and any(t.device.type == "cpu" for t in given):
            self.sent.append(str(func))
        if func is torch.ops.aten.convolution.default:
            self.formats.append(output.dtype)
        return output

    def forget(self) -> None:
        """Start again with empty lists."""
        self.found, self.sent, self.formats = [], [], []


class FakeEvent:
    """In place of ``torch.cuda.Event``: reached at once; nobody may wait for it."""

    def __init__(self, **_: Any) -> None: ...

    def record(self, *_: Any) -> None: ...

    def query(self) -> bool:
        return True

    def elapsed_time(self, _: FakeEvent) -> float:
        return 1.0

    def synchronize(self) -> None:
        raise AssertionError("the host waits for an event")


def _wait(*_: Any, **__: Any) -> None:
    raise AssertionError("the host waits for the device")


def _again(network: SRVGGNetCompact) -> SRVGGNetCompact:
    return type(network)(num_feat=network.num_feat, num_conv=network.num_conv, upscale=network.upscale)


class _FakeGPU(CPUAccelerator):
    """A device that Lightning does not ask whether it is there."""

    def setup_device(self, device: torch.device) -> None: ...


def fake_gpu_strategy() -> SingleDeviceStrategy:
    """For a Trainer: one fake GPU."""
    return SingleDeviceStrategy(torch.device("cuda", 0), accelerator=_FakeGPU())


@contextmanager
def fake_cuda() -> Iterator[Copies]:
    """Everything made in here is a fake tensor, on CUDA unless another device is given; autocast takes bf16."""
    copies = Copies()
    with ExitStack() as stack:
        # Fake parameters are on CUDA from the start; they cannot be copied, nor change their order of memory.
        stack.enter_context(patch.object(ema, "deepcopy", _again))
        stack.enter_context(patch.object(nn.Module, "to", lambda network, *_, **__: network))
        stack.enter_context(patch.object(nn.Module, "_apply", lambda network, *_, **__: network))
        # A fake tensor belongs to one such context, so none may be kept.
        stack.enter_context(patch.object(doubling, "_kept", doubling._kept.__wrapped__))
        stack.enter_context(patch.object(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False))
        stack.enter_context(patch.object(torch.cuda, "is_bf16_supported", lambda *_, **__: True))
        stack.enter_context(patch.object(torch.cuda, "Event", FakeEvent))
        stack.enter_context(patch.object(torch.cuda, "synchronize", _wait))
        stack.enter_context(FakeTensorMode())
        stack.enter_context(torch.device("cuda"))
        stack.enter_context(copies)
        yield copies


@contextmanager
def made_up_gradients(*networks: nn.Module) -> Iterator[None]:
    """Let every backward pass give zeros."""

    def backward(*_: Any, **__: Any) -> None:
        for network in networks:
            for parameter in network.parameters():
                parameter.grad = torch.zeros_like(parameter)

    def grad(outputs: Tensor, inputs: Tensor, **_: Any) -> tuple[Tensor]:
        assert outputs.device == inputs.device
        return (torch.zeros_like(inputs),)

    with (
        patch.object(torch.autograd, "grad", grad),
        patch.object(torch.autograd, "backward", backward),
        patch.object(Tensor, "backward", backward),
    ):
        yield
