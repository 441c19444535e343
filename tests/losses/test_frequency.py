from __future__ import annotations

import numpy as np
import pytest
import torch

from esrgan_train.losses.frequency import FocalFrequencyLoss, SpectrumLoss
from tests.losses.pictures import picture_and_copy


def test_the_spectrum_is_numpys():
    sr, hr = picture_and_copy(24)
    ours, theirs = (np.abs(np.fft.fft2(image.double().numpy(), norm="ortho")) for image in (sr, hr))
    assert SpectrumLoss()(sr, hr).item() == pytest.approx(np.abs(ours - theirs).mean(), rel=1e-5)


def test_the_spectrum_does_not_see_where_things_are():
    _, hr = picture_and_copy(24)
    assert SpectrumLoss()(hr.roll((3, 5), dims=(2, 3)), hr).item() == pytest.approx(0, abs=1e-6)
    assert FocalFrequencyLoss()(hr.roll((3, 5), dims=(2, 3)), hr) > 1e-3


def test_without_focus_it_is_the_mean_squared_error():
    sr, hr = picture_and_copy(24)
    assert FocalFrequencyLoss(alpha=0)(sr, hr).item() == pytest.approx((sr - hr).square().mean().item(), rel=1e-5)


def test_focal_frequencies_are_numpys():
    sr, hr = picture_and_copy(24)
    squared = np.abs(np.fft.fft2((sr - hr).double().numpy(), norm="ortho")) ** 2
    weight = np.sqrt(squared)
    weight /= weight.max(axis=(-2, -1), keepdims=True)
    assert FocalFrequencyLoss()(sr, hr).item() == pytest.approx((weight * squared).mean(), rel=1e-5)
    with pytest.raises(ValueError, match=r"alpha=-1"):
        FocalFrequencyLoss(alpha=-1)


def test_the_focus_takes_no_gradient():
    sr, hr = picture_and_copy(16)
    sr.requires_grad_()
    loss = FocalFrequencyLoss()
    (gradient,) = torch.autograd.grad(loss(sr, hr), sr)
    spectrum = torch.fft.fft2((sr - hr).detach(), norm="ortho")
    weight = spectrum.abs() / spectrum.abs().amax(dim=(-2, -1), keepdim=True)
    expected = 2 * torch.fft.ifft2(weight * spectrum, norm="ortho").real / sr.numel()
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-9)
