from __future__ import annotations

from typing import Any

import pytest
import torch

from esrgan_train.errors import UserError


def test_stages_switch_at_start_step(make_objective: Any) -> None:
    objective = make_objective(start_step=5)
    assert [objective.stage(done) for done in (0, 4, 5, 6)] == ["pixel", "pixel", "gan", "gan"]


def test_without_further_losses_the_pixel_stage_never_ends(make_objective: Any) -> None:
    objective = make_objective(adversarial_weight=0.0, start_step=5)
    assert not objective.has_gan_stage
    assert objective.stage(10**9) == "pixel"


def test_content_is_the_weighted_sum_and_measures_are_unweighted(make_objective: Any) -> None:
    objective = make_objective(perceptual=torch.nn.MSELoss(), pixel_weight=2.0, perceptual_weight=3.0)
    sr, target = torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8)
    l1, mse = (sr - target).abs().mean(), (sr - target).square().mean()
    total, measured = objective.content(sr, target, "gan")
    torch.testing.assert_close(total, 2 * l1 + 3 * mse)
    torch.testing.assert_close(measured["perceptual"], mse)
    total, measured = objective.content(sr, target, "pixel")
    torch.testing.assert_close(total, 2 * l1)
    assert list(measured) == ["pixel"]


@pytest.mark.parametrize("option", ["pixel_weight", "perceptual_weight", "adversarial_weight", "start_step"])
def test_negative_values_are_refused(make_objective: Any, option: str) -> None:
    with pytest.raises(UserError, match="=-1 is negative"):
        make_objective(**{option: -1})
