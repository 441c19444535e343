"""An iteration in parts against one with the whole batch."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.training.buffers import power_vectors

NORMS = {
    "hook": torch.nn.utils.spectral_norm,
    "parametrization": torch.nn.utils.parametrizations.spectral_norm,
}


def plain_judge(norm: str) -> nn.Module:
    """A discriminator as users write one; its second layer is passed twice, with other vectors each time."""
    normalize = NORMS[norm]
    shared = normalize(nn.Conv2d(8, 8, 3, padding=1))
    return nn.Sequential(
        *(normalize(nn.Conv2d(3, 8, 4, stride=2, padding=1)), nn.LeakyReLU(0.2), shared, nn.LeakyReLU(0.2)),
        *(shared, nn.LeakyReLU(0.2), nn.Conv2d(8, 1, 3, padding=1)),
    )


@pytest.fixture
def large(batches: list[dict[str, Tensor]]) -> list[dict[str, Tensor]]:
    """Six batches of six samples."""
    return [{k: torch.cat([batches[(i + j) % 12][k] for j in (0, 4, 8)]) for k in batches[0]} for i in range(6)]


@pytest.mark.run
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "published"])
@pytest.mark.parametrize("parts", [2, 3])
def test_six_iterations_in_parts_are_six_with_the_whole_batch(
    make_module: Any, large: Any, fit: Any, parts: int, shared: bool
) -> None:
    sgd = partial(torch.optim.SGD, lr=0.1)  # Adam makes much of the rounding of tiny gradients
    optimizers = {"pixel": sgd, "generator": sgd, "discriminator": sgd}
    whole, divided = (
        make_module(accumulate=n, shared_fake_forward=shared, make_optimizers=optimizers) for n in (1, parts)
    )
    players = ("generator", "discriminator")
    before = {player: deepcopy(getattr(whole, player).state_dict()) for player in players}
    for module in (whole, divided):
        fit(module, large, steps=6)
    moved = {
        f"{player}.{name}": (value - before[player][name]).abs().max()
        for player in before
        for name, value in getattr(whole, player).state_dict().items()
    }
    assert min(moved.values()) > 5e-5  # weights and vectors alike
    for player in before:
        ours, theirs = getattr(divided, player).state_dict(), getattr(whole, player).state_dict()
        for name, value in ours.items():
            apart = (value - theirs[name]).abs().max()
            assert apart <= 2e-3 * moved[f"{player}.{name}"], f"{player}.{name} differs by {apart}"


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "published"])
@pytest.mark.parametrize("judge", ["ours", *NORMS])
def test_gradients_and_measures_in_parts_are_those_of_the_whole_batch(
    make_module: Any, large: Any, judge: str, shared: bool
) -> None:
    found = []
    for parts in (1, 3):
        torch.manual_seed(5)
        discriminator = UNetDiscriminatorSN(num_feat=8) if judge == "ours" else plain_judge(judge)
        assert len(list(power_vectors(discriminator))) == (16 if judge == "ours" else 4)
        module = make_module(accumulate=parts, shared_fake_forward=shared, discriminator=discriminator)
        stage = module.objective.stages["gan"]
        measured = [module.step.accumulate(batch, stage) for batch in large[:2]]  # moves the vectors
        gradients = [[p.grad for p in network.parameters()] for network in (module.generator, discriminator)]
        found.append((gradients, list(power_vectors(discriminator)), measured))
    (of_whole, vectors_of_whole, expected), (gradients, vectors, measured) = found
    for ours, theirs in zip(gradients, of_whole, strict=True):  # of a player
        scale = max(float(gradient.abs().max()) for gradient in theirs)
        differences = [float((one - other).abs().max()) for one, other in zip(ours, theirs, strict=True)]
        assert max(differences) < 3e-5 * scale  # the last bias sums terms of either sign
    assert all(torch.equal(one, other) for one, other in zip(vectors, vectors_of_whole, strict=True))
    for ours, theirs in zip(measured, expected, strict=True):
        for name in ("pixel", "adversarial", "d_real", "d_fake"):
            torch.testing.assert_close(ours[name], theirs[name])
