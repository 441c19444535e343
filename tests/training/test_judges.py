"""Discriminators of several outputs, relativistic loss, feature matching and R1."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.patchgan_arch import MultiscalePatchGAN, PatchGAN
from esrgan_train.losses.adversarial import HingeLoss, RelativisticLoss
from esrgan_train.training.buffers import Snapshot, power_vectors
from esrgan_train.training.objective import Objective
from esrgan_train.training.penalty import gradient_penalty
from esrgan_train.training.stages import AdversarialTerm, Term

JUDGES = {
    "unet_sn": lambda: UNetDiscriminatorSN(num_feat=8),
    "patchgan": lambda: PatchGAN(num_feat=8, num_layers=2),
    "multiscale": lambda: MultiscalePatchGAN(num_feat=8, num_layers=1, num_scales=2),
}


def settled(judge: str) -> nn.Module:
    """One whose power iterations have converged, and stand still from then on."""
    network = JUDGES[judge]()
    for _ in range(30):
        network(torch.rand(1, 3, 32, 32))
    return network.eval()


def objective_with(weight: float = 0.3, function: Any = None, **options: Any) -> Objective:
    terms = [Term(name="pixel", function=nn.L1Loss(), weight=1.0)]
    judged = AdversarialTerm(function=function or HingeLoss(), weight=weight, **options)
    return Objective(terms=terms, adversarial=[judged], start_step=0)


def logits_of(count: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    return [torch.randn(2, 1, 8, 8, generator=draw, requires_grad=True) for _ in range(count)]


def cross_entropy(logits: Tensor, label: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def test_the_relativistic_loss_is_that_of_the_published_formula() -> None:
    fake, real = logits_of(2)
    loss = RelativisticLoss()
    more_real, less_real = real - fake.mean(), fake - real.mean()
    torch.testing.assert_close(loss.real(real, fake), cross_entropy(more_real, 1.0))
    torch.testing.assert_close(loss.fake(fake, real), cross_entropy(less_real, 0.0))
    published = (cross_entropy(more_real, 0.0) + cross_entropy(less_real, 1.0)) / 2  # ESRGAN's, equation 2, halved
    torch.testing.assert_close(loss.generator(fake, real), published)
    blind = torch.zeros(2, 1, 4, 4)
    assert loss.generator(blind, blind).item() == pytest.approx(0.6931472)


def test_what_all_logits_share_changes_nothing() -> None:
    fake, real = logits_of(2)
    loss = RelativisticLoss()
    torch.testing.assert_close(loss.generator(fake + 3, real + 3), loss.generator(fake, real))


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"function": RelativisticLoss()},
        {"feature_matching": 2.0},
        {"r1_weight": 10.0, "r1_interval": 3},
    ],
    ids=["hinge", "relativistic", "features", "r1"],
)
def test_both_orders_of_passes_leave_the_same_gradients(
    make_step: Any, batches: Any, judge: str, options: dict[str, Any]
) -> None:
    """Without power iterations, which the two orders count differently."""
    found = []
    for shared in (True, False):
        torch.manual_seed(3)
        network = settled(judge)
        objective = objective_with(**options)
        step = make_step(objective, discriminator=network, shared_fake_forward=shared)
        measured = step.backward(batches[0], objective.stages["gan"], done=6)
        assert all(value.isfinite() for value in measured.values())
        networks = (step.generator, network)
        found.append(
            ({k: v.detach() for k, v in measured.items()}, [[p.grad for p in n.parameters()] for n in networks])
        )
    (one, gradients), (other, expected) = found
    assert one.keys() == other.keys()
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], msg=name)
    for ours, theirs in zip(gradients, expected, strict=True):
        for gradient, wanted in zip(ours, theirs, strict=True):
            assert gradient is not None
            torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-6)


def test_each_output_of_a_discriminator_counts_alike(make_step: Any, batches: Any) -> None:
    network = settled("multiscale")
    objective = objective_with()
    step = make_step(objective, discriminator=network)
    measured = step.backward(batches[0], objective.stages["gan"])
    with torch.no_grad():
        real = network(batches[0]["hr"])
    wanted = sum(F.relu(1 - logits).mean() for logits in real) / 2
    torch.testing.assert_close(measured["d_real"], wanted)
    everything = torch.cat([logits.flatten() for logits in real])
    torch.testing.assert_close(measured["d_real_score"], everything.mean())


def test_features_are_matched_by_their_mean_distance(make_step: Any, batches: Any) -> None:
    network = settled("patchgan")
    objective = objective_with(feature_matching=1.0)
    step = make_step(objective, discriminator=network)
    measured = step.backward(batches[0], objective.stages["gan"])

    def features(images: Tensor) -> list[Tensor]:
        made = []
        for layer in network.layers[:-1]:
            images = F.leaky_relu(layer(images), 0.2)
            made.append(images)
        return made

    with torch.no_grad():
        pairs = zip(features(step.generator(batches[0]["lr"])), features(batches[0]["hr"]), strict=True)
        wanted = torch.stack([(fake - real).abs().mean() for fake, real in pairs]).mean()
    torch.testing.assert_close(measured["adversarial_features"], wanted)


def test_matched_features_teach_the_generator_alone(make_step: Any, batches: Any) -> None:
    found = []
    for weight in (0.0, 5.0):
        torch.manual_seed(3)
        objective = objective_with(feature_matching=weight)
        step = make_step(objective, discriminator=settled("patchgan"))
        step.backward(batches[0], objective.stages["gan"])
        found.append(
            [[p.grad for p in n.parameters()] for n in (step.generator, step.discriminators["discriminator"])]
        )
    (plain, own), (taught, also_own) = found
    assert not all(torch.equal(a, b) for a, b in zip(plain, taught, strict=True))
    for a, b in zip(own, also_own, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("judge", ["unet_sn", "patchgan"])
def test_the_penalty_is_the_published_one_over_the_number_of_logits(judge: str, batches: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from basicsr.losses.gan_loss import r1_penalty
    network, real = JUDGES[judge](), batches[0]["hr"]
    before = Snapshot(power_vectors(network))
    penalty = gradient_penalty(network, real)
    for vector, (_, kept) in zip(power_vectors(network), before._kept, strict=True):
        assert torch.equal(vector, kept)
    images = real.clone().requires_grad_()
    logits = network(images)
    torch.testing.assert_close(penalty, r1_penalty(logits, images) / logits[0].numel(), rtol=1e-4, atol=0)
    gradients = torch.autograd.grad(penalty, list(network.parameters()), allow_unused=True)
    assert any(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)


def test_the_penalty_is_computed_in_turn_and_weighs_as_much(make_step: Any, batches: Any) -> None:
    objective = objective_with(r1_weight=10.0, r1_interval=4)
    step = make_step(objective, discriminator=settled("patchgan"))
    stage = objective.stages["gan"]
    values = [step.backward(batches[0], stage, done=done)["d_r1"].item() for done in range(8)]
    assert [value > 0 for value in values] == [True, False, False, False] * 2
    penalty = gradient_penalty(step.discriminators["discriminator"], batches[0]["hr"]).item()
    assert values[0] == values[4] == pytest.approx(4 * penalty)


def test_in_parts_a_penalty_is_that_of_the_whole_batch(make_step: Any, batches: Any) -> None:
    found = []
    for parts in (1, 2):
        torch.manual_seed(3)
        objective = objective_with(r1_weight=10.0)
        step = make_step(objective, discriminator=settled("patchgan"), accumulate=parts)
        step.accumulate(batches[0], objective.stages["gan"], done=0)
        found.append([p.grad for p in step.discriminators["discriminator"].parameters()])
    for whole, divided in zip(*found, strict=True):
        torch.testing.assert_close(whole, divided, rtol=1e-4, atol=1e-6)
