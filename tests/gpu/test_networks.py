"""Networks on the GPU compute what they compute on the CPU in double precision, gradients included."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.kernels import exact_float32
from esrgan_train.training.precision import Precision

pytestmark = pytest.mark.gpu

NETWORKS = {
    "x4 prelu": lambda: SRVGGNetCompact(num_feat=24, num_conv=4, upscale=4),
    "x2 relu": lambda: SRVGGNetCompact(num_feat=24, num_conv=4, upscale=2, act_type="relu"),
    "x3 leakyrelu": lambda: SRVGGNetCompact(num_feat=24, num_conv=4, upscale=3, act_type="leakyrelu"),
    "discriminator": lambda: UNetDiscriminatorSN(num_feat=16),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = NETWORKS[request.param]()
    return made


def images() -> Tensor:
    return torch.rand(2, 3, 48, 40, generator=torch.Generator().manual_seed(1))


def results(network: nn.Module, images: Tensor) -> list[Tensor]:
    """The output, and the gradients of the input and of every parameter."""
    images = images.clone().requires_grad_()
    output = network(images)
    (output * torch.linspace(-1, 2, output.shape[-1], device=output.device, dtype=output.dtype)).sum().backward()
    return [output.detach(), images.grad, *(parameter.grad for parameter in network.parameters())]


def difference(actual: list[Tensor], expected: list[Tensor]) -> float:
    """The largest relative error of any of them, in the norm."""
    pairs = zip(actual, expected, strict=True)
    return max(float((a.cpu().double() - e).norm() / e.norm().clamp(min=1e-9)) for a, e in pairs)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "NHWC"])
def test_outputs_and_gradients_are_those_of_double_precision(
    network: nn.Module, device: torch.device, order: torch.memory_format
):
    expected = results(deepcopy(network).double(), images().double())
    with exact_float32():
        on_device = network.to(device, memory_format=order)
        actual = results(on_device, images().to(device, memory_format=order))
    assert {tensor.device.type for tensor in actual} == {device.type}
    assert difference(actual, expected) < 1e-4


def test_bf16_is_near(network: nn.Module, device: torch.device):
    expected = results(deepcopy(network).double(), images().double())
    network.to(device, memory_format=torch.channels_last)
    precision = Precision("bf16", device.type, "as requested")
    with torch.no_grad():
        output = precision.forward(network, images().to(device, memory_format=torch.channels_last))
    assert output.dtype == torch.float32
    assert difference([output], expected[:1]) < 3e-2


def test_a_wrong_weight_would_be_found(network: nn.Module, device: torch.device):
    expected = results(deepcopy(network).double(), images().double())
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] += 0.1
    with exact_float32():
        actual = results(network.to(device), images().to(device))
    assert difference(actual, expected) > 1e-3
