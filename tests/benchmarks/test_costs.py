"""The formulas against torch's own counter and the networks' own layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks.costs import (
    DISCRIMINATOR_PUBLISHED,
    DISCRIMINATOR_SHARED,
    GENERATOR,
    VGG,
    ConvShape,
    discriminator_shapes,
    forward_bytes,
    forward_flops,
    generator_shapes,
    gradient_bytes,
    iteration_costs,
    vgg_shapes,
)
from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.losses.adversarial import VanillaLoss
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.backward import Game, Judge, published_backward, shared_backward
from esrgan_train.training.objective import Objective
from esrgan_train.training.precision import Precision
from esrgan_train.training.stages import AdversarialTerm, Term


class Counter(TorchDispatchMode):
    """Adds up torch's formulas. ``FlopCounterMode`` also follows modules, which fails under autograd.grad."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.flops += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=output)
        return output


def counted(run: Callable[[], object]) -> int:
    with Counter() as counter:
        run()
    return counter.flops


@pytest.mark.parametrize(("upscale", "num_feat", "num_conv"), [(4, 64, 16), (2, 24, 8), (3, 8, 0)])
def test_the_generators_operations_are_torchs(upscale: int, num_feat: int, num_conv: int):
    network = SRVGGNetCompact(num_feat=num_feat, num_conv=num_conv, upscale=upscale)
    shapes = generator_shapes(lr_side=16, num_feat=num_feat, num_conv=num_conv, upscale=upscale)
    assert forward_flops(shapes) == counted(lambda: network(torch.rand(1, 3, 16, 16)))
    convs = sum(p.numel() for m in network.modules() if isinstance(m, nn.Conv2d) for p in m.parameters())
    assert sum(shape.weights for shape in shapes) == convs


def test_the_discriminators_operations_and_weights_are_torchs():
    network = UNetDiscriminatorSN(num_feat=16)
    shapes = discriminator_shapes(side=32, num_feat=16)
    assert forward_flops(shapes) == counted(lambda: network(torch.rand(1, 3, 32, 32)))
    assert sum(s.weights for s in discriminator_shapes(side=32, num_feat=64)) == 4_376_897


@pytest.mark.parametrize("perceptual", [False, True])
@pytest.mark.parametrize(
    ("step", "passes"), [(published_backward, DISCRIMINATOR_PUBLISHED), (shared_backward, DISCRIMINATOR_SHARED)]
)
def test_an_iterations_operations_are_torchs(step: Callable[..., object], passes: object, perceptual: bool):
    game = game_of(perceptual=perceptual)
    batch = {"lr": torch.rand(1, 3, 8, 8), "hr": torch.rand(1, 3, 32, 32), "hr_target": torch.rand(1, 3, 32, 32)}
    costs = iteration_costs(
        gt_size=32,
        num_feat=8,
        num_conv=2,
        discriminator_feat=8,
        gan=True,
        perceptual=perceptual,
        shared_fake_forward=passes is DISCRIMINATOR_SHARED,
        size=4,
    )
    assert sum(cost.flops for cost in costs.values()) == counted(lambda: step(game, batch))


def test_the_pixel_stages_operations_are_torchs():
    game = game_of(perceptual=False, gan=False)
    batch = {"lr": torch.rand(1, 3, 8, 8), "hr": torch.rand(1, 3, 32, 32), "hr_target": torch.rand(1, 3, 32, 32)}
    shapes = generator_shapes(lr_side=8, num_feat=8, num_conv=2, upscale=4)
    assert GENERATOR.flops(shapes) == counted(lambda: published_backward(game, batch))


def test_the_perceptual_losss_operations_are_torchs():
    loss = PerceptualLoss(features="random")
    sr, target = torch.rand(1, 3, 32, 32, requires_grad=True), torch.rand(1, 3, 32, 32)
    assert VGG.flops(vgg_shapes(side=32)) == counted(lambda: loss(sr, target).backward())


def test_bytes_are_those_the_layers_see():
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4)
    seen = 0

    def count(_: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal seen
        seen += 4 * (inputs[0].numel() + 3 * output.numel())  # convolution and activation

    for module in network.body:
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    network(torch.rand(1, 3, 8, 8))
    assert forward_bytes(generator_shapes(lr_side=8, num_feat=8, num_conv=2, upscale=4), size=4) == seen


def test_a_strided_convolution_reads_its_larger_input():
    assert ConvShape("c", 1, 1, 4, 2, 8, bias=False).numbers_moved == 16**2 + 8**2


def test_gradients_of_one_process_go_nowhere_and_of_many_twice():
    parameters = {"generator_parameters": 100, "discriminator_parameters": 900}
    assert gradient_bytes(**parameters, processes=1) == 0
    assert gradient_bytes(**parameters, processes=2) == 4000
    assert gradient_bytes(**parameters, processes=1000) == pytest.approx(8000, rel=0.01)


def game_of(*, perceptual: bool, gan: bool = True) -> Game:
    terms = [Term(name="pixel", function=nn.L1Loss(), weight=1.0)]
    if perceptual:
        terms.append(Term(name="perceptual", function=PerceptualLoss(features="random"), weight=1.0))
    judged = AdversarialTerm(function=VanillaLoss(), weight=0.1)
    objective = Objective(terms=terms, adversarial=[judged], start_step=0)
    return Game(
        generator=SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4),
        judges=[Judge(UNetDiscriminatorSN(num_feat=8), judged, weight=0.1)] if gan else [],
        stage=objective.stages["gan"],
        precision=Precision("32", "cpu", "as requested"),
    )


def test_taps_first_saves_three_quarters_of_the_convolutions_behind_an_enlargement():
    plain = discriminator_shapes(side=64, num_feat=8)
    saving = discriminator_shapes(side=64, num_feat=8, taps_first=True)
    for before, after in zip(plain, saving, strict=True):
        assert before.name == after.name
        assert before.weights == after.weights
        assert before.flops == (4 if before.name in ("conv4", "conv5", "conv6") else 1) * after.flops
