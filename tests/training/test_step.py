"""An iteration without a trainer, and with more losses and discriminators than the published ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.errors import UserError
from esrgan_train.losses.adversarial import HingeLoss, VanillaLoss
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.stages import AdversarialTerm, Term


@pytest.mark.parametrize("start_step", [0, 10], ids=["gan stage", "pixel stage"])
def test_a_bare_loop_trains_bit_for_bit_as_the_module_does(
    make_module: Any, make_step: Any, make_objective: Any, batches: Any, fit: Any, start_step: int
) -> None:
    objective = make_objective(start_step=start_step)
    module, step = make_module(objective, grad_clip=0.1), make_step(objective, grad_clip=0.1)
    fit(module, batches, steps=3)
    step.make_optimizers()
    for done, batch in enumerate(batches[:3]):
        measured, skip = step(batch, done=done, max_steps=3)
    assert skip == 0
    assert measured["grad_norm_generator"] > 0
    for ours, theirs in ((step.generator, module.generator), (step.ema, module.ema)):
        for name, tensor in ours.state_dict().items():
            assert torch.equal(tensor, theirs.state_dict()[name]), name


@pytest.mark.parametrize("shared", [False, True])
def test_further_terms_and_discriminators_need_no_line_of_the_module(
    make_step: Any, batches: Any, fit: Any, shared: bool
) -> None:
    adversarial = [
        AdversarialTerm(function=VanillaLoss(), weight=0.1),
        AdversarialTerm(function=HingeLoss(), weight=0.2, name="texture", judge="texture_judge", prefix="t"),
    ]
    terms = [
        Term(name="pixel", function=nn.L1Loss(), weight=1.0),
        Term(name="colour", function=nn.MSELoss(), weight=0.5, target="hr", stages=("gan",)),
    ]
    objective = Objective(terms=terms, adversarial=adversarial, start_step=1)
    sgd = lambda parameters: torch.optim.SGD(parameters, lr=0.1)  # noqa: E731
    torch.manual_seed(3)
    judges = {"discriminator": UNetDiscriminatorSN(num_feat=8), "texture_judge": nn.Conv2d(3, 1, 3)}
    before = judges["texture_judge"].weight.detach().clone()
    step = make_step(
        objective,
        discriminators=judges,
        make_optimizers=dict.fromkeys(("pixel", "generator", "discriminator", "texture_judge"), sgd),
        shared_fake_forward=shared,
    )
    module = ESRGANModule(step, upscale=4, metadata={})
    trainer = fit(module, batches, steps=3)
    assert trainer.global_step == 3
    assert module.players == ["pixel", "generator", "discriminator", "texture_judge"]
    assert {"texture_judge.weight", "discriminator.conv0.weight"} <= module.state_dict().keys()
    logged = {"train/colour", "train/texture", "train/t_real", "train/d_real", "train/grad_norm_texture_judge"}
    assert logged <= trainer.callback_metrics.keys()
    assert not torch.equal(judges["texture_judge"].weight, before)


@pytest.mark.parametrize("shared", [False, True])
def test_the_generators_gradients_are_the_sum_over_discriminators(
    make_step: Any, batches: Any, shared: bool
) -> None:
    judges = {name: nn.Conv2d(3, 1, 3) for name in ("one", "other")}
    adversarial = [
        AdversarialTerm(function=HingeLoss(), weight=0.3, name=f"by {j}", judge=j, prefix=j) for j in judges
    ]
    found = []
    for judged in (adversarial[:1], adversarial[1:], adversarial):
        terms = [Term(name="pixel", function=nn.L1Loss(), weight=0.0)]
        objective = Objective(terms=terms, adversarial=judged, start_step=0)
        make = dict.fromkeys(("generator", *judges), torch.optim.Adam)
        step = make_step(objective, discriminators=judges, make_optimizers=make, shared_fake_forward=shared)
        step.backward(batches[0], objective.stages["gan"])
        found.append([p.grad for p in step.generator.parameters()])
    for first, second, both in zip(*found, strict=True):
        torch.testing.assert_close(both, first + second)


def test_a_step_outside_says_what_to_enter(make_step: Any):
    with pytest.raises(UserError, match=r"enter esrgan_train\.kernels\.kernels_of_training"):
        make_step(deterministic=True)


def test_vgg19_keeps_its_weights_in_the_order_of_the_images(make_step: Any, make_objective: Any):
    """Else a GPU turns them round in every call."""
    for channels_last in (False, True):
        perceptual = PerceptualLoss(features="random")
        step = make_step(make_objective(perceptual=perceptual), channels_last=channels_last)
        weight = perceptual.vgg.get_buffer("conv3_1_weight")
        assert weight.is_contiguous(memory_format=step.lr_format)
        assert weight.is_contiguous() is (step.lr_format is torch.contiguous_format)
