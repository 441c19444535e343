from __future__ import annotations

from pathlib import Path

import pytest
import torch
from basicsr.losses.gan_loss import GANLoss
from hydra.utils import instantiate
from omegaconf import OmegaConf

from esrgan_train.losses.adversarial import AdversarialLoss, HingeLoss, LeastSquaresLoss, VanillaLoss

CONF = Path(__file__).parents[2] / "conf/loss/adversarial"
KINDS = {"vanilla": VanillaLoss(), "lsgan": LeastSquaresLoss(), "hinge": HingeLoss()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("term", "real", "of_discriminator"),
    [("generator", True, False), ("real", True, True), ("fake", False, True)],
)
@pytest.mark.parametrize("scale", [0.1, 3.0, 50.0])
def test_values_and_gradients_equal_the_published_loss(kind, term, real, of_discriminator, scale):
    logits = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * scale
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    actual = getattr(KINDS[kind], term)(ours)
    expected = GANLoss(kind)(theirs, real, is_disc=of_discriminator)
    actual.backward()
    expected.backward()
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize("loss", KINDS.values(), ids=KINDS)
def test_losses_are_float32_also_of_bf16_logits(loss):
    logits = torch.randn(1, 1, 8, 8).bfloat16()
    for term in (loss.generator, loss.real, loss.fake):
        assert term(logits).dtype == torch.float32
        assert torch.equal(term(logits), term(logits.float()))


@pytest.mark.parametrize("loss", KINDS.values(), ids=KINDS)
def test_each_player_pulls_its_own_way(loss):
    logits = torch.full((1, 1, 4, 4), 0.5, requires_grad=True)

    def slope(value: torch.Tensor) -> float:
        return torch.autograd.grad(value, logits)[0].mean().item()

    assert slope(loss.generator(logits)) < 0
    assert slope(loss.real(logits)) < 0
    assert slope(loss.fake(logits)) > 0


def test_known_values_at_logit_zero():
    logits = torch.zeros(3)
    assert VanillaLoss().real(logits).item() == pytest.approx(0.6931472)
    assert LeastSquaresLoss().real(logits).item() == 1
    assert HingeLoss().fake(logits).item() == 1
    assert HingeLoss().generator(logits).item() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_choices_build_them(kind):
    cfg = OmegaConf.load(CONF / f"{kind}.yaml")
    built: AdversarialLoss = instantiate(cfg.function)
    assert type(built) is type(KINDS[kind])
    assert cfg.weight == 0.1
    assert {file.stem for file in CONF.iterdir()} == {*KINDS, "relativistic"}
