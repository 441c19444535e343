from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from esrgan_train.archs.cpu import weight_gradient
from esrgan_train.archs.cpu.weight_gradient import convolve, prefers_channels_first


@pytest.fixture(params=["AVX2", "AVX512"])
def capability(request, monkeypatch) -> str:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: request.param)
    return str(request.param)


def relative_difference(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).detach().abs().max() / wanted.detach().abs().max())


def images(*shape: int) -> Tensor:
    return torch.randn(shape).contiguous(memory_format=torch.channels_last)


def test_only_a_processor_without_avx512_takes_the_other_order(capability):
    assert prefers_channels_first(images(1, 3, 8, 8)) is (capability == "AVX2")
    assert not prefers_channels_first(torch.randn(1, 3, 8, 8))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not prefers_channels_first(images(1, 3, 8, 8))


@pytest.mark.usefixtures("capability")
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2)])
@pytest.mark.parametrize("biased", [True, False])
def test_equals_the_plain_convolution_with_all_gradients(kernel, stride, biased):
    torch.manual_seed(kernel)
    x, weight = images(2, 8, 12, 16).requires_grad_(), images(6, 8, kernel, kernel).requires_grad_()
    bias = torch.randn(6, requires_grad=True) if biased else None
    inputs = (x, weight) if bias is None else (x, weight, bias)
    ours, theirs = convolve(x, weight, bias, stride=stride), F.conv2d(x, weight, bias, stride, padding=1)
    assert torch.equal(ours, theirs)
    slope = torch.randn_like(theirs)
    found, expected = torch.autograd.grad(ours, inputs, slope), torch.autograd.grad(theirs, inputs, slope)
    for got, wanted in zip(found, expected, strict=True):
        assert relative_difference(got, wanted) < 3e-6


@pytest.mark.usefixtures("capability")
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2)])
def test_second_derivatives_are_those_of_finite_differences(kernel, stride):
    """The gradients are linear in each argument, so that large steps are exact and float32 will do."""
    torch.manual_seed(kernel)
    x, weight = images(1, 2, 4, 6).requires_grad_(), torch.randn(2, 2, kernel, kernel, requires_grad=True)
    bias = torch.randn(2, requires_grad=True)
    with pytest.warns(UserWarning, match="not a double precision"):
        assert torch.autograd.gradgradcheck(
            lambda *inputs: convolve(*inputs, stride=stride), (x, weight, bias), eps=0.5, atol=1e-4, rtol=1e-4
        )


@pytest.mark.usefixtures("capability")
@pytest.mark.parametrize("capability", ["AVX2"], indirect=True)
def test_the_weight_costs_nothing_where_only_the_image_is_asked_for(monkeypatch):
    """As in the generator's share of a discriminator pass that serves both players."""
    asked = []
    compute = weight_gradient._gradients

    def watched(*arguments):
        asked.append(arguments[-1])
        return compute(*arguments)

    monkeypatch.setattr(weight_gradient, "_gradients", watched)
    image, leaf = images(1, 3, 8, 8).requires_grad_(), torch.randn(4, 3, 3, 3, requires_grad=True)
    loss = convolve(image.exp(), leaf / 2, None, stride=1).square().sum()
    torch.autograd.grad(loss, image, retain_graph=True)
    loss.backward(inputs=[leaf])
    assert asked == [(True, False), (False, True)]
