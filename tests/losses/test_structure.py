from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from esrgan_train.losses.structure import LEVEL_WEIGHTS, MSSSIMLoss, SSIMLoss
from tests.losses.pictures import picture_and_copy


def inside(sr: Tensor, hr: Tensor) -> Tensor:
    """torchmetrics' SSIM of each channel, (B, C), without the windows that reach into its padding."""
    full = structural_similarity_index_measure(sr, hr, data_range=1.0, reduction="none", return_full_image=True)[1]
    return full[..., 5:-5, 5:-5].mean(dim=(-2, -1))


def contrast(sr: Tensor, hr: Tensor) -> Tensor:
    """torchmetrics' similarity of contrast and structure of each channel, (B, C)."""
    parts = [image.flatten(0, 1)[:, None] for image in (sr, hr)]
    sensitivity = structural_similarity_index_measure(
        *parts, data_range=1.0, reduction="none", return_contrast_sensitivity=True
    )[1]
    return sensitivity.view(sr.shape[:2])


def test_ssim_is_torchmetrics():
    sr, hr = picture_and_copy(64)
    assert SSIMLoss()(sr, hr).item() == pytest.approx(1 - inside(sr, hr).mean().item(), abs=5e-6)


@pytest.mark.parametrize(("side", "levels"), [(176, 5), (181, 5), (128, 4), (88, 4), (64, 3), (16, 1)])
def test_ms_ssim_is_the_product_of_torchmetrics_similarities(side: int, levels: int):
    sr, hr = picture_and_copy(side)
    expected, (ours, theirs) = torch.ones(2, 3), (sr, hr)
    for level, weight in enumerate(LEVEL_WEIGHTS[:levels]):
        values = inside(ours, theirs) if level == levels - 1 else contrast(ours, theirs)
        expected *= values ** (weight / sum(LEVEL_WEIGHTS[:levels]))
        ours, theirs = F.avg_pool2d(ours, 2), F.avg_pool2d(theirs, 2)
    loss = MSSSIMLoss()(sr, hr).item()
    assert loss == pytest.approx(1 - expected.mean().item(), abs=5e-6)
    assert MSSSIMLoss(levels=levels)(sr, hr).item() == loss


@pytest.mark.parametrize("loss", [SSIMLoss(), MSSSIMLoss()], ids=lambda loss: type(loss).__name__)
def test_equal_images_cost_nothing_and_negatives_much(loss: torch.nn.Module):
    _, hr = picture_and_copy(96)
    assert loss(hr, hr).item() == pytest.approx(0, abs=1e-6)
    negative = (1 - hr).requires_grad_()
    value = loss(negative, hr)
    value.backward()
    assert value > 0.9
    assert negative.grad.isfinite().all()


def test_crops_too_small_for_the_levels_are_refused():
    with pytest.raises(ValueError, match=r"5 levels needs 176 pixels a side, not 128"):
        MSSSIMLoss(levels=5)(*picture_and_copy(128))
    with pytest.raises(ValueError, match=r"levels=6"):
        MSSSIMLoss(levels=6)
