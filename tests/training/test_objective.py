from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.losses.adversarial import VanillaLoss
from esrgan_train.training.precision import Precision
from esrgan_train.training.stages import Stage, Term

PLAIN, BF16 = (Precision(name, "cpu", "") for name in ("32", "bf16"))


def test_stages_switch_at_start_step(make_objective: Any) -> None:
    objective = make_objective(start_step=5)
    assert [objective.stage(done) for done in (0, 4, 5, 6)] == ["pixel", "pixel", "gan", "gan"]


def test_without_further_losses_the_pixel_stage_never_ends(make_objective: Any) -> None:
    objective = make_objective(adversarial_weight=0.0, start_step=5)
    assert not objective.has_gan_stage
    assert objective.stage(10**9) == "pixel"
    assert objective.stages["pixel"].progress(7, 20) == (7, 20)


def test_each_stage_counts_its_own_iterations(make_objective: Any) -> None:
    stages = make_objective(start_step=5).stages
    assert [stages["pixel"].progress(3, last) for last in (4, 20)] == [(3, 4), (3, 5)]
    assert stages["gan"].progress(5, 20) == (0, 15)
    assert list(make_objective(start_step=0).stages) == ["gan"]


def test_content_is_the_weighted_sum_and_measures_are_unweighted(make_objective: Any) -> None:
    stages = make_objective(perceptual=nn.MSELoss(), pixel_weight=2.0, perceptual_weight=3.0, start_step=1).stages
    sr, target = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    l1, mse = (sr - target).abs().mean(), (sr - target).square().mean()
    total, measured = stages["gan"].content(sr, {"hr_target": target}, PLAIN)
    torch.testing.assert_close(total, 2 * l1 + 3 * mse)
    torch.testing.assert_close(measured["perceptual"], mse)
    total, measured = stages["pixel"].content(sr, {"hr_target": target}, PLAIN)
    torch.testing.assert_close(total, 2 * l1)
    assert list(measured) == ["pixel"]


def test_a_term_may_compare_with_the_plain_photo() -> None:
    terms = tuple(Term(name=name, function=nn.L1Loss(), weight=1.0, target=name) for name in ("hr", "hr_target"))  # type: ignore[arg-type]
    sr, images = (
        torch.zeros(1, 3, 8, 8),
        {"hr": torch.full((1, 3, 8, 8), 0.5), "hr_target": torch.ones(1, 3, 8, 8)},
    )
    total, measured = Stage("pixel", terms).content(sr, images, PLAIN)
    assert {name: float(value) for name, value in measured.items()} == {"hr": 0.5, "hr_target": 1.0}
    assert float(total) == 1.5


class Recording(nn.Module):
    """Keeps the number format in which a product is computed."""

    def __init__(self, holds_network: bool) -> None:
        super().__init__()
        self.holds_network = holds_network

    def forward(self, sr: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.format = (sr.flatten(1) @ target.flatten(1).T).dtype
        return (sr - target).abs().mean()


@pytest.mark.parametrize(("precision", "inside"), [(PLAIN, torch.float32), (BF16, torch.bfloat16)])
def test_only_networks_inside_losses_are_computed_in_the_lower_precision(
    precision: Precision, inside: torch.dtype
) -> None:
    losses = Recording(True), Recording(False)
    terms = tuple(Term(name=str(number), function=loss, weight=1.0) for number, loss in enumerate(losses))
    sr, target = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    total, _ = Stage("pixel", terms).content(sr, {"hr_target": target}, precision)
    assert [loss.format for loss in losses] == [inside, torch.float32]
    assert total.dtype == torch.float32


def test_a_loss_with_buffers_is_saved_under_its_name(make_objective: Any) -> None:
    objective = make_objective(perceptual=nn.BatchNorm2d(3), adversarial=VanillaLoss())
    assert {name.partition(".")[0] for name in objective.state_dict()} == {"perceptual"}


@pytest.mark.parametrize(
    ("option", "name"),
    [
        *((f"{name}_weight", f"{name}.weight") for name in ("pixel", "perceptual", "adversarial")),
        ("start_step", "adversarial.start_step"),
        ("discriminator_warmup", "adversarial.discriminator_warmup"),
    ],
)
def test_negative_values_are_refused(make_objective: Any, option: str, name: str) -> None:
    with pytest.raises(UserError, match=rf"loss\.{name}=-1: give a (whole )?number from 0 on"):
        make_objective(perceptual=nn.MSELoss(), **{option: -1})
