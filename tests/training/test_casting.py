"""All weights cast at once: autocast's values and gradients, by fewer kernels."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.casting import run_with_cast_weights


class Kernels(TorchDispatchMode):
    """Counts what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[str(func)] += 1
        return func(*args, **(kwargs or {}))


class Tied(nn.Module):
    """Two layers of one weight, a frozen bias, and a weight that autocast leaves alone."""

    casts_at_once = True

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.two.weight = self.one.weight
        self.one.bias.requires_grad_(False)
        self.norm = nn.GroupNorm(1, 3)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.norm(self.two(self.one(x)))
        return result


def run(network: nn.Module, images: Tensor, dtype: torch.dtype, *, at_once: bool) -> tuple[Any, Counter[str]]:
    network = deepcopy(network)
    with Kernels() as kernels:
        with torch.autocast("cpu", dtype=dtype):
            output = run_with_cast_weights(network, images, dtype) if at_once else network(images)
        output.float().square().mean().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    return (output, gradients, dict(network.named_buffers())), kernels.counts


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format], ids=str)
@pytest.mark.parametrize(
    "network",
    [
        SRVGGNetCompact(num_feat=8, num_conv=4),
        SRVGGNetCompact(num_feat=8, num_conv=4, act_type="leakyrelu"),
        UNetDiscriminatorSN(num_feat=8),
        Tied(),
    ],
    ids=lambda network: type(network).__name__,
)
def test_values_and_gradients_are_autocasts(network: nn.Module, order: torch.memory_format, dtype: torch.dtype):
    network = network.to(memory_format=order)
    images = torch.rand(2, 3, 32, 32).contiguous(memory_format=order)
    (output, gradients, buffers), before = run(network, images, dtype, at_once=False)
    (cast_output, cast_gradients, cast_buffers), after = run(network, images, dtype, at_once=True)
    torch.testing.assert_close(cast_output, output, rtol=0, atol=0)
    torch.testing.assert_close(cast_buffers, buffers, rtol=0, atol=0)
    for name, gradient in gradients.items():
        if gradient is None:
            assert cast_gradients[name] is None
            continue
        torch.testing.assert_close(cast_gradients[name], gradient, rtol=0, atol=0)
        assert cast_gradients[name].stride() == gradient.stride()
    assert after["aten._to_copy.default"] < before["aten._to_copy.default"]


def test_a_compact_network_casts_in_two_operations():
    images = torch.rand(1, 3, 16, 16)
    counts = [run(SRVGGNetCompact(), images, torch.bfloat16, at_once=at_once)[1] for at_once in (False, True)]
    assert counts[0]["aten._to_copy.default"] > 100
    assert counts[1]["aten._to_copy.default"] == 2  # the input, and the output's gradient
    assert counts[1]["aten._foreach_copy_.default"] == 2


class Careful(nn.Module):
    """A network with a part in float32, which reads a weight besides."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.one.weight.square().mean()
        assert scale.dtype == torch.float32
        with torch.autocast(x.device.type, enabled=False):
            result: Tensor = self.two(self.one(x.float())) * scale
        return result


def test_a_network_that_does_not_say_so_is_left_to_autocast():
    images = torch.rand(2, 3, 16, 16)
    (expected, *_), _ = run(Careful(), images, torch.bfloat16, at_once=False)
    network = Careful()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert run_with_cast_weights(network, images, torch.bfloat16).dtype == expected.dtype == torch.float32
    network.casts_at_once = True  # what the attribute is for
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(AssertionError):
        run_with_cast_weights(network, images, torch.bfloat16)


def test_without_gradients_it_runs_too():
    network = SRVGGNetCompact(num_feat=8, num_conv=1).requires_grad_(False)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        images = torch.rand(1, 3, 8, 8)
        assert torch.equal(run_with_cast_weights(network, images, torch.bfloat16), network(images))
        assert torch.equal(run_with_cast_weights(lambda x: x + 1, images, torch.bfloat16), images + 1)


@pytest.mark.slow
def test_the_perceptual_networks_weights_are_cast_once():
    loss, images = PerceptualLoss(features="random", layers={"conv2_2": 1.0}), torch.rand(1, 3, 32, 32)
    plain = loss(images, 1 - images)
    seen = []
    for _ in range(2):
        with Kernels() as kernels, torch.autocast("cpu", dtype=torch.bfloat16):
            lower = loss(images, 1 - images)
        seen.append(kernels.counts["aten._to_copy.default"])
        assert lower.item() == pytest.approx(plain.item(), rel=0.05)
    assert seen[1] < seen[0] - 7  # four convolutions' weights and biases
    assert torch.equal(loss(images, 1 - images), plain)
