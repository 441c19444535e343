from __future__ import annotations

import pytest
import torch

from esrgan_train.training.signs import discriminator_signs, generator_signs


def test_colour_shift_is_the_largest_shift_of_a_channels_mean() -> None:
    hr = torch.rand(2, 3, 8, 8)
    sr = hr.clone()
    sr[:, 1] -= 0.05
    sr[:, 2] += 0.02
    assert generator_signs(sr, hr)["colour_shift"].item() == pytest.approx(0.05, abs=1e-6)


def test_noise_without_a_drift_is_no_colour_shift() -> None:
    hr = torch.full((1, 3, 64, 64), 0.5)
    checkerboard = 0.2 * (torch.arange(64)[:, None] + torch.arange(64) & 1) - 0.1
    assert generator_signs(hr + checkerboard, hr)["colour_shift"].item() == pytest.approx(0.0, abs=1e-6)


def test_scores_are_means_and_the_share_judged_correctly() -> None:
    real, fake = torch.tensor([[2.0, -1.0]]), torch.tensor([[-3.0, -1.0]])
    scores = {k: v.item() for k, v in discriminator_signs(real, fake).items()}
    assert scores == {
        "real_score": 0.5,
        "fake_score": -2.0,
        "real_accuracy": 0.5,
        "fake_accuracy": 1.0,
        "accuracy": 0.75,
    }


def test_values_past_black_or_white_by_more_than_one_level_are_clipped() -> None:
    sr = torch.tensor([-0.1, -0.003, 0.0, 0.5, 1.0, 1.003, 1.1, 2.0]).reshape(1, 1, 2, 4)
    assert generator_signs(sr, sr)["clipped"].item() == 3 / 8
