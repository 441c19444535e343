from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from esrgan_train.archs import discriminator_arch
from esrgan_train.archs.cpu.doubled_conv import convolve_doubled, takes_fast_way
from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN


def plain(x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False), weight, padding=1)


def relative_difference(got: Tensor, wanted: Tensor) -> float:
    return float((got - wanted).detach().abs().max() / wanted.detach().abs().max())


def images(*shape: int) -> Tensor:
    return torch.randn(shape).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("height", "width"),
    [(8, 8), (4, 5), (8, 24), (9, 16), (12, 14), (13, 7), (20, 32)],
    ids=lambda size: str(size),
)
def test_equals_enlarging_and_convolving_with_both_gradients(height, width):
    torch.manual_seed(height)
    x, weight = images(2, 6, height, width).requires_grad_(), torch.randn(5, 6, 3, 3, requires_grad=True)
    assert takes_fast_way(x)
    ours, theirs = convolve_doubled(x, weight), plain(x, weight)
    slope = torch.randn_like(theirs)
    found = (ours, *torch.autograd.grad(ours, (x, weight), slope))
    expected = (theirs, *torch.autograd.grad(theirs, (x, weight), slope))
    for got, wanted in zip(found, expected, strict=True):
        assert got.shape == wanted.shape
        assert relative_difference(got, wanted) < 3e-6
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_the_derivative_is_that_of_finite_differences():
    """Independent of autograd's own convolution: the change along random directions."""
    torch.manual_seed(0)
    x, weight = images(1, 3, 8, 6).requires_grad_(), torch.randn(4, 3, 3, 3, requires_grad=True)
    slope = torch.randn(1, 4, 16, 12)
    of_x, of_weight = torch.autograd.grad(convolve_doubled(x, weight), (x, weight), slope)
    to_x, to_weight = torch.randn_like(x), torch.randn_like(weight)

    def result(step: float) -> float:
        with torch.no_grad():
            moved = convolve_doubled(x + step * to_x, weight + step * to_weight)
        return float((moved.double() * slope).sum())

    expected = result(0.5) - result(-0.5)  # exact: linear in either argument, so cubic terms are missing
    assert float((of_x * to_x).sum() + (of_weight * to_weight).sum()) == pytest.approx(expected, rel=1e-4)


def test_second_derivatives_are_those_of_finite_differences():
    """The gradients are linear in each argument, so that large steps are exact and float32 will do."""
    torch.manual_seed(0)
    x, weight = images(1, 2, 4, 5).requires_grad_(), torch.randn(2, 2, 3, 3, requires_grad=True)
    slope = torch.randn(1, 2, 8, 10, requires_grad=True)
    assert takes_fast_way(x)
    with pytest.warns(UserWarning, match="not a double precision"):
        assert torch.autograd.gradgradcheck(convolve_doubled, (x, weight), slope, eps=0.5, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("wanted", [0, 1])
def test_one_gradient_can_be_asked_for_alone(wanted):
    x, weight = images(1, 3, 8, 8).requires_grad_(), torch.randn(4, 3, 3, 3, requires_grad=True)
    both = torch.autograd.grad(convolve_doubled(x, weight).square().sum(), (x, weight))
    alone = torch.autograd.grad(convolve_doubled(x, weight).square().sum(), (x, weight)[wanted])
    assert torch.equal(alone[0], both[wanted])


@pytest.mark.parametrize("other", ["order", "size", "dtype", "autocast"])
def test_everything_else_takes_the_plain_way_and_gives_its_very_bits(other):
    x, weight = images(1, 4, 8, 8), torch.randn(4, 4, 3, 3)
    if other == "order":
        x = x.contiguous()
    elif other == "size":
        x = images(1, 4, 8, 17)  # a prime above the largest tile
    elif other == "dtype":
        x, weight = x.double(), weight.double()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=other == "autocast"):
        assert not takes_fast_way(x)
        assert torch.equal(convolve_doubled(x, weight), plain(x, weight))


def test_a_gradient_penalty_is_the_same_in_either_order_of_memory(monkeypatch):
    """R1, with a processor's kernels for the weights' gradients too."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    torch.manual_seed(1)
    first, last = UNetDiscriminatorSN(num_feat=8), UNetDiscriminatorSN(num_feat=8)
    last.load_state_dict(first.state_dict())
    last.to(memory_format=torch.channels_last)
    image = torch.rand(2, 3, 64, 64)
    found = []
    for network, x in ((first, image.clone()), (last, images(2, 3, 64, 64).copy_(image))):
        x.requires_grad_()
        (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
        penalty = slope.square().sum((1, 2, 3)).mean()
        penalty.backward()
        found.append([slope.detach(), *(p.grad for p in network.parameters() if p.ndim > 1)])
    for ours, theirs in zip(*found, strict=True):
        assert theirs.abs().max() > 0
        assert relative_difference(ours, theirs) < 1e-5


@pytest.mark.parametrize("gt_size", [64, 72, 136])
def test_the_discriminator_is_the_same_in_either_order_of_memory(gt_size, monkeypatch):
    """channels_last takes the fast way where it can; 136 leaves 17 rows, which it cannot cut.

    A smooth activation takes the place of its own: at a kink, the last bit of a value would decide on a gradient.
    """
    monkeypatch.setattr(discriminator_arch, "_leaky", F.silu)
    torch.manual_seed(gt_size)
    first, last = UNetDiscriminatorSN(num_feat=8), UNetDiscriminatorSN(num_feat=8)
    last.load_state_dict(first.state_dict())
    last.to(memory_format=torch.channels_last)
    image = torch.rand(2, 3, gt_size, gt_size)
    found = []
    for network, x in ((first, image.clone()), (last, images(2, 3, gt_size, gt_size).copy_(image))):
        x.requires_grad_()
        logits = network(x)
        F.softplus(logits).mean().backward()
        found.append([logits.detach(), x.grad, *(parameter.grad for parameter in network.parameters())])
    for ours, theirs in zip(*found, strict=True):
        assert relative_difference(ours, theirs) < 1e-4
