"""The activation with oneDNN's backward pass against torch's own."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from esrgan_train.archs.cpu.prelu import PReLU, activate, takes_onednn
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact

BF16 = torch.bfloat16
FORMATS = (torch.channels_last, torch.contiguous_format)

needs_bf16 = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() != "AVX512", reason="oneDNN's kernels for bf16 need AVX-512"
)


def image(*shape: int, memory_format: torch.memory_format, seed: int = 0) -> Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(BF16)
    drawn.flatten()[::7] = 0.0  # where the slope counts, and its gradient is nothing
    return drawn.contiguous(memory_format=memory_format).requires_grad_()


def slopes(channels: int, dtype: torch.dtype) -> Tensor:
    """Positive, none at all, negative."""
    return torch.linspace(0.5, -0.25, channels).to(dtype).requires_grad_()


@needs_bf16
@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("shape", [(2, 64, 8, 8), (1, 24, 7, 5), (3, 5, 1, 9), (1, 1, 6, 3)])
@pytest.mark.parametrize("dtype", [BF16, torch.float32])
def test_gradients_are_those_of_torch(
    shape: tuple[int, ...], dtype: torch.dtype, memory_format: torch.memory_format
) -> None:
    x, weight = image(*shape, memory_format=memory_format), slopes(shape[1], dtype)
    assert takes_onednn(x)
    towards = image(*shape, memory_format=memory_format, seed=1).detach()

    output = activate(x, weight)
    of_x, of_weight = torch.autograd.grad(output, (x, weight), towards)

    plain = nn.functional.prelu(x, weight.to(BF16))
    expected_x, _ = torch.autograd.grad(plain, (x, weight), towards)
    exact = (towards.double() * x.detach().double().clamp(max=0)).sum((0, 2, 3))
    assert torch.equal(output, plain)
    assert torch.equal(of_x, expected_x)
    assert of_x.is_contiguous(memory_format=memory_format)
    assert of_weight.dtype == dtype
    torch.testing.assert_close(of_weight.double(), exact, rtol=2**-7, atol=1e-6)  # it is rounded to bf16 once


@needs_bf16
@pytest.mark.parametrize("memory_format", FORMATS)
def test_a_gradient_in_another_memory_format(memory_format: torch.memory_format) -> None:
    x, weight = image(2, 6, 5, 4, memory_format=memory_format), slopes(6, BF16)
    other = FORMATS[1 - FORMATS.index(memory_format)]
    towards = image(2, 6, 5, 4, memory_format=other, seed=1).detach()
    of_x = torch.autograd.grad(activate(x, weight), x, towards)[0]
    assert torch.equal(of_x, torch.where(x > 0, towards, towards * weight.view(1, 6, 1, 1)))


@needs_bf16
def test_gradients_of_gradients() -> None:
    x, weight = image(1, 4, 3, 3, memory_format=torch.channels_last), slopes(4, BF16)
    found = torch.autograd.grad(activate(x, weight).square().sum(), x, create_graph=True)[0]
    plain = torch.autograd.grad(nn.functional.prelu(x, weight).square().sum(), x, create_graph=True)[0]
    of_found, of_plain = (torch.autograd.grad(first.square().sum(), (x, weight)) for first in (found, plain))
    for ours, theirs in zip(of_found, of_plain, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_what_is_left_to_torch() -> None:
    x = image(1, 4, 3, 3, memory_format=torch.channels_last)
    assert not takes_onednn(x.float())
    assert not takes_onednn(x.flatten(2))
    with torch.no_grad():
        assert not takes_onednn(x)
    with FakeTensorMode() as fake:
        shapes = fake.from_tensor(x)
        assert not takes_onednn(shapes)


def test_the_module_is_torchs_but_for_its_speed() -> None:
    ours, theirs = PReLU(3), nn.PReLU(3)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(1, 3, 4, 5)
    assert torch.equal(ours(x), theirs(x))
    file = io.BytesIO()
    torch.save(copy.deepcopy(ours), file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    assert torch.equal(again(x), theirs(x))


@needs_bf16
def test_a_network_under_autocast_has_the_gradients_of_plain_activations() -> None:
    torch.manual_seed(0)
    network = SRVGGNetCompact(num_feat=8, num_conv=2).to(memory_format=torch.channels_last)
    plain = copy.deepcopy(network)
    for place, module in enumerate(plain.body):
        if isinstance(module, PReLU):
            plain.body[place] = nn.PReLU(8)
            plain.body[place].load_state_dict(module.state_dict())
    lr = torch.rand(2, 3, 9, 7).contiguous(memory_format=torch.channels_last)
    for each in (network, plain):
        with torch.autocast("cpu", BF16):
            each(lr).square().mean().backward()
    for (name, ours), theirs in zip(network.named_parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        if ours.dim() == 1 and "weight" in name:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=2**-6, atol=1e-5)
        else:
            assert torch.equal(ours.grad, theirs.grad), name
