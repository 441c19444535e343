from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from esrgan_train.archs.doubling import double, double_by_products

SIZES = [(1, 5), (2, 3), (7, 4), (8, 8), (13, 17), (32, 32)]
FORMATS = [torch.contiguous_format, torch.channels_last]


def interpolated(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


def image(
    height: int, width: int, memory_format: torch.memory_format, dtype: torch.dtype = torch.float32
) -> Tensor:
    torch.manual_seed(31 * height + width)
    return torch.randn(2, 5, height, width, dtype=dtype).contiguous(memory_format=memory_format)


@pytest.mark.parametrize("memory_format", FORMATS, ids=str)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_products_equal_interpolate_with_the_gradient(height: int, width: int, memory_format: torch.memory_format):
    x = image(height, width, memory_format).requires_grad_()
    ours, theirs = double_by_products(x), interpolated(x)
    slope = torch.randn_like(theirs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    of_ours, of_theirs = (torch.autograd.grad(y, x, slope)[0] for y in (ours, theirs))
    torch.testing.assert_close(of_ours, of_theirs, rtol=0, atol=2e-6)
    assert ours.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("memory_format", FORMATS, ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_rounds_twice_at_most(dtype: torch.dtype, memory_format: torch.memory_format):
    """Beside float64 from the very same values: once for the rows, once for the columns."""
    x = image(13, 17, memory_format, dtype).requires_grad_()
    exact = x.detach().double().requires_grad_()
    ours, theirs = double_by_products(x), interpolated(exact)
    slope = torch.randn_like(theirs).to(dtype)
    of_ours, of_theirs = torch.autograd.grad(ours, x, slope), torch.autograd.grad(theirs, exact, slope.double())
    assert ours.dtype == of_ours[0].dtype == dtype
    unit = torch.finfo(dtype).eps / 2  # of a rounding, relative to the largest value that can occur on the way
    for got, wanted, most in ((ours, theirs, x), (of_ours[0], of_theirs[0], 4 * slope)):
        assert (got.double() - wanted).abs().max() <= 2 * unit * most.abs().max().double()
    assert ours.is_contiguous(memory_format=memory_format)


@pytest.mark.parametrize("memory_format", FORMATS, ids=str)
def test_products_can_be_differentiated_twice(memory_format: torch.memory_format):
    x = image(3, 4, memory_format, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(double_by_products, x)
    assert torch.autograd.gradgradcheck(double_by_products, x)


def test_under_autocast_products_take_what_a_convolution_would():
    x = image(6, 5, torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert double_by_products(x).dtype == torch.bfloat16


def test_what_was_made_without_gradients_serves_training():
    size = 29  # of no other test: nothing is kept yet
    with torch.inference_mode():
        double_by_products(torch.rand(1, 2, size, size))
    x = torch.rand(1, 2, size, size, requires_grad=True)
    double_by_products(x).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, torch.full_like(x, 4.0))


def test_a_processor_takes_interpolate_itself():
    x = image(9, 7, torch.channels_last)
    assert torch.equal(double(x), interpolated(x))


def test_a_compiler_sees_one_graph():
    torch.compiler.reset()
    x = image(6, 5, torch.channels_last).requires_grad_()
    compiled = torch.compile(double_by_products, backend="eager", fullgraph=True)
    assert torch.equal(compiled(x), double_by_products(x))
