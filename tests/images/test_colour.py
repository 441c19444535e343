from __future__ import annotations

import pytest
import torch
from skimage.color import rgb2ycbcr

from esrgan_train.images.colour import rgb_to_y


def test_luma_equals_scikit_image() -> None:
    rgb = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    reference = torch.from_numpy(rgb2ycbcr(rgb.numpy(), channel_axis=1)[:, :1])
    torch.testing.assert_close(rgb_to_y(rgb) * 255, reference, rtol=0, atol=1e-9)
    assert torch.equal(rgb_to_y(rgb[0]), rgb_to_y(rgb)[0])


def test_black_and_white_have_limited_range() -> None:
    ends = torch.stack([torch.zeros(3, 1, 1), torch.ones(3, 1, 1)])
    torch.testing.assert_close(rgb_to_y(ends).flatten() * 255, torch.tensor([16.0, 235.0]))


@pytest.mark.parametrize("shape", [(3, 4), (1, 4, 4), (4, 4, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="3, H, W"):
        rgb_to_y(torch.zeros(shape))
