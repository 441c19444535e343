from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.inference.baseline import REACH, enlarge_bicubic
from esrgan_train.inference.geometry import reach_of
from esrgan_train.inference.tiling import enlarge_part, surroundings, tiles


class Everywhere(nn.Module):
    """Each pixel depends on all others."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, lr: Tensor) -> Tensor:
        return enlarge_bicubic(lr * self.weight + lr.mean(), 2)


def test_a_reach_is_known_measured_or_endless() -> None:
    networks = SRVGGNetCompact(num_feat=4, num_conv=3), nn.Conv2d(3, 3, 7, padding=3), Everywhere()
    with torch.inference_mode():  # as in validation
        assert [reach_of(network) for network in networks] == [5, 3, None]


@pytest.mark.parametrize("part", [(slice(2, 5), slice(0, 3)), (slice(0, 20), slice(16, 23)), (slice(0, 0),) * 2])
def test_a_part_is_that_part_of_the_whole(part: tuple[slice, slice]) -> None:
    lr = torch.rand(1, 3, 20, 23, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    compact = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=4).eval()
    everywhere = Everywhere().eval()
    with torch.inference_mode():
        for network, radius, scale in (
            (compact, 3, 4),
            (everywhere, None, 2),
            (lambda lr: enlarge_bicubic(lr, 4), REACH, 4),
        ):
            rows, columns = (slice(side.start * scale, side.stop * scale) for side in part)
            whole = network(lr)[..., rows, columns]
            got = enlarge_part(network, lr, part, radius=radius, scale=scale)
            torch.testing.assert_close(got, whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("height", "width", "least"), [(40, 40, 24), (41, 17, 16), (8, 8, 32)])
def test_no_tile_is_seen_smaller_than_the_network_takes(height: int, width: int, least: int) -> None:
    covered = torch.zeros(height, width)
    for part in tiles(height, width, 8):
        covered[part] += 1
        for side, length in zip(part, (height, width), strict=True):
            seen = surroundings(side, length, radius=4, least=least)
            assert seen.start <= max(side.start - 4, 0)
            assert seen.stop >= min(side.stop + 4, length)
            assert seen.stop - seen.start >= min(least, length)
            assert seen.start % 4 == 0 or length % 4
    assert (covered == 1).all()
