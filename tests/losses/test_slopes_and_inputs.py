"""Losses of slopes, of the reduced output, and of artifacts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from basicsr.losses.loss_util import get_refined_artifact_map

from esrgan_train.degradation import BicubicDegradation
from esrgan_train.losses.artifacts import ArtifactLoss
from esrgan_train.losses.consistency import ConsistencyLoss
from esrgan_train.losses.gradients import GradientLoss
from tests.losses.pictures import picture_and_copy


def test_slopes_are_numpys_differences():
    sr, hr = picture_and_copy(24)
    expected = sum(
        np.abs(np.diff(sr.double().numpy(), axis=axis) - np.diff(hr.double().numpy(), axis=axis)).mean()
        for axis in (2, 3)
    )
    assert GradientLoss()(sr, hr).item() == pytest.approx(expected, rel=1e-5)
    assert GradientLoss()(hr + 0.1, hr).item() == pytest.approx(0, abs=1e-6)
    assert GradientLoss()(1 - hr, hr) > GradientLoss()(torch.zeros_like(hr), hr)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_clean_reduction_is_consistent_with_its_original(scale: int):
    _, hr = picture_and_copy(96)
    rng = np.random.default_rng(0)
    reduce = BicubicDegradation(upscale=scale)
    lr = torch.stack(
        [torch.from_numpy(reduce(image.permute(1, 2, 0).numpy(), rng)).permute(2, 0, 1) for image in hr]
    )
    loss = ConsistencyLoss()
    assert loss(hr, hr, lr).item() < 1 / 255  # the reduction is rounded to 8 bits
    assert loss((hr + 0.1).requires_grad_(), hr, lr).item() == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("window", [3, 7])
def test_artifacts_are_found_as_published(window: int):
    sr, hr = picture_and_copy(32)
    ema_sr = hr + 0.04 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(1))
    expected = get_refined_artifact_map(hr, sr, ema_sr, window)
    torch.testing.assert_close(ArtifactLoss(window=window).weights(sr, hr, ema_sr), expected, rtol=1e-3, atol=1e-6)
    loss = ArtifactLoss(window=window)(sr, hr, ema_sr).item()
    assert loss == pytest.approx((expected * (sr - hr).abs()).mean().item(), rel=1e-3)


def test_the_weights_of_artifacts_take_no_gradient():
    sr, hr = picture_and_copy(16)
    loss = ArtifactLoss()
    (gradient,) = torch.autograd.grad(loss(sr.requires_grad_(), hr, hr + 0.1), sr)
    expected = loss.weights(sr.detach(), hr, hr + 0.1) * (sr - hr).detach().sign() / sr.numel()
    torch.testing.assert_close(gradient, expected)


def test_what_the_average_does_worse_is_no_artifact():
    sr, hr = picture_and_copy(32)
    assert ArtifactLoss()(sr, hr, hr + 5).item() == 0
    with pytest.raises(ValueError, match=r"window=4: give an odd number of pixels"):
        ArtifactLoss(window=4)
