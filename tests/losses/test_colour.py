from __future__ import annotations

import numpy as np
import pytest
import torch

from esrgan_train.losses.colour import ChromaLoss, MeanColourLoss, rgb_to_oklab
from tests.losses.pictures import picture_and_copy


def plain(*rgb: float) -> torch.Tensor:
    return torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 8, 8).clone()


@pytest.mark.parametrize(
    ("rgb", "oklab"),  # from Ottosson's page and CSS Color 4's sample values
    [
        ((1, 1, 1), (1.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((1, 0, 0), (0.6280, 0.2249, 0.1258)),
        ((0, 1, 0), (0.8664, -0.2339, 0.1795)),
        ((0, 0, 1), (0.4520, -0.0325, -0.3115)),
    ],
)
def test_oklab_of_known_colours(rgb, oklab):
    assert rgb_to_oklab(plain(*rgb))[0, :, 0, 0].numpy() == pytest.approx(np.array(oklab), abs=2e-4)


def test_mean_colour_sees_a_tint_and_no_detail():
    _, hr = picture_and_copy(32)
    stripes = torch.zeros_like(hr)
    stripes[..., ::2], stripes[..., 1::2] = 0.1, -0.1
    assert MeanColourLoss()(hr + stripes, hr).item() == pytest.approx(0, abs=1e-6)
    tint = torch.tensor([0.05, 0.0, -0.02]).view(1, 3, 1, 1)
    assert MeanColourLoss()(hr + tint, hr).item() == pytest.approx(0.07 / 3, rel=1e-4)
    with pytest.raises(ValueError, match=r"window=1: give"):
        MeanColourLoss(window=1)


@pytest.mark.parametrize("tint", [(0.03, 0, 0), (0, -0.03, 0), (0.02, 0.02, -0.02)])
@pytest.mark.parametrize("level", [0.05, 0.5, 0.95])
def test_no_tint_of_gray_slips_through(tint, level):
    gray = plain(level, level, level)
    drifted = (gray + torch.tensor(tint).view(1, 3, 1, 1)).requires_grad_()
    loss = ChromaLoss()(drifted, gray)
    loss.backward()
    assert loss > 0.004
    assert (drifted.grad.sum(dim=(0, 2, 3)) * torch.tensor(tint)).sum() > 0  # away from the tint, it falls


def test_chroma_hardly_sees_brightness():
    _, hr = picture_and_copy(32)
    hr = 0.3 + 0.4 * hr.mean(dim=1, keepdim=True).expand_as(hr)
    assert ChromaLoss()(hr + 0.1, hr).item() < 1e-5


@pytest.mark.parametrize("value", [-0.2, 0.0, 1e-6, 0.04, 1.3])
def test_gradients_stay_finite_near_and_beyond_black(value):
    sr = plain(value, value, value).requires_grad_()
    ChromaLoss()(sr, plain(0.0, 0.1, 0.2)).backward()
    assert sr.grad.isfinite().all()
    assert sr.grad.abs().max() < 10


def test_oklab_is_continuous_where_its_pieces_meet():
    for edge in (0.04045, 0.0129):
        low, high = plain(edge - 1e-6, edge - 1e-6, edge - 1e-6), plain(edge + 1e-6, edge + 1e-6, edge + 1e-6)
        assert (rgb_to_oklab(high) - rgb_to_oklab(low)).abs().max() < 1e-4
