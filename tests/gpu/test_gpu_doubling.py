"""Bilinear enlargement on a device beside ``interpolate`` in float64 on the host."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from esrgan_train.archs.doubling import double, double_by_products
from esrgan_train.kernels import exact_float32

pytestmark = pytest.mark.gpu

SHAPES = [(2, 8, 7, 5), (2, 64, 32, 32), (1, 16, 24, 136)]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_equal_interpolate_with_the_gradient(
    device: torch.device, shape: tuple[int, ...], dtype: torch.dtype, memory_format: torch.memory_format
):
    """Each of two products rounds once, relative to the largest value; the gradient adds up four such values."""
    generator = torch.Generator().manual_seed(sum(shape))
    values = torch.randn(shape, generator=generator).to(dtype)
    slope = torch.randn(*shape[:2], 2 * shape[2], 2 * shape[3], generator=generator).to(dtype)
    exact = values.double().requires_grad_()
    theirs = F.interpolate(exact, scale_factor=2.0, mode="bilinear", align_corners=False)
    (of_theirs,) = torch.autograd.grad(theirs, exact, slope.double())
    x = values.to(device).contiguous(memory_format=memory_format).requires_grad_()
    with exact_float32():
        ours = double_by_products(x)
        (of_ours,) = torch.autograd.grad(ours, x, slope.to(device))
    unit = torch.finfo(dtype).eps
    assert (ours.cpu().double() - theirs).abs().max() <= 2 * unit * values.double().abs().max()
    assert (of_ours.cpu().double() - of_theirs).abs().max() <= 8 * unit * slope.double().abs().max()
    assert ours.is_contiguous(memory_format=memory_format)


def test_the_gradient_repeats_itself(device: torch.device):
    x = torch.randn(4, 64, 32, 32, device=device, requires_grad=True)
    found = [torch.autograd.grad(double(x).square().sum(), x)[0] for _ in range(3)]
    assert all(torch.equal(found[0], other) for other in found[1:])
