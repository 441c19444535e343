from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor

from esrgan_train.losses.grid import GridLoss
from tests.losses.pictures import picture_and_copy


def repeated(scale: int, side: int, seed: int = 0) -> Tensor:
    """A pattern as large as an LR pixel, over a whole picture."""
    pattern = 0.05 * torch.randn(1, 1, scale, scale, generator=torch.Generator().manual_seed(seed))
    return (pattern - pattern.mean()).repeat(1, 1, side // scale, side // scale)


@pytest.mark.parametrize("scale", [2, 4])
def test_it_sees_what_repeats_and_no_tint(scale: int):
    _, hr = picture_and_copy(48)
    lr = torch.zeros(*hr.shape[:2], 48 // scale, 48 // scale)
    pattern = repeated(scale, 48)
    assert GridLoss()(hr + pattern, hr, lr).item() == pytest.approx(pattern.abs().mean().item(), rel=1e-4)
    assert GridLoss()(hr + 0.1, hr, lr).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("window", [1, 4])
def test_it_is_the_mean_over_windows_by_numpy(scale: int, window: int):
    sr, hr = picture_and_copy(48)
    error = (sr - hr).double().numpy()
    places = np.stack([error[..., row::scale, column::scale] for row in range(scale) for column in range(scale)])
    means = sliding_window_view(places, (window, window), axis=(-2, -1)).mean(axis=(-2, -1))
    expected = np.abs(means - means.mean(axis=0)).mean()
    lr = torch.zeros(*hr.shape[:2], 48 // scale, 48 // scale)
    assert GridLoss(window=window)(sr, hr, lr).item() == pytest.approx(expected, rel=1e-4)


def test_of_errors_that_do_not_repeat_little_remains():
    _, hr = picture_and_copy(96)
    noise = 0.05 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(0))
    lr = torch.zeros(*hr.shape[:2], 24, 24)
    assert GridLoss(window=4)(hr + noise, hr, lr) < 0.3 * noise.abs().mean()


def test_windows_that_do_not_fit_are_refused():
    hr = torch.zeros(1, 3, 8, 24)
    with pytest.raises(ValueError, match=r"windows of 4 LR pixels .* crops of 6×2"):
        GridLoss()(hr, hr, torch.zeros(1, 3, 2, 6))


def test_a_restorer_has_no_grid():
    hr = torch.zeros(1, 3, 8, 8)
    with pytest.raises(ValueError, match="at ×1"):
        GridLoss()(hr, hr, hr)


def test_a_window_of_no_pixel_is_refused():
    with pytest.raises(ValueError, match=r"window=0: give"):
        GridLoss(window=0)
