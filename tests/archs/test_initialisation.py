from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from esrgan_train.archs.initialisation import bilinear_minus_nearest, start_as_bilinear
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact


@pytest.mark.parametrize("upscale", [1, 2, 3, 4])
def test_the_kernels_make_nearest_enlargement_bilinear(upscale: int) -> None:
    picture = torch.rand(1, 1, 9, 8)
    kernels = bilinear_minus_nearest(upscale).flatten(0, 1)[:, None]
    added = F.pixel_shuffle(F.conv2d(F.pad(picture, (1, 1, 1, 1), mode="replicate"), kernels), upscale)
    nearest = F.interpolate(picture, scale_factor=float(upscale), mode="nearest")
    bilinear = F.interpolate(picture, scale_factor=float(upscale), mode="bilinear")
    torch.testing.assert_close(nearest + added, bilinear)


@pytest.mark.parametrize("act_type", ["prelu", "relu", "leakyrelu"])
@pytest.mark.parametrize(("in_ch", "out_ch"), [(3, 3), (1, 3), (1, 1)])
def test_without_its_random_channels_the_network_enlarges_bilinearly(
    act_type: str, in_ch: int, out_ch: int
) -> None:
    network = SRVGGNetCompact(in_ch, out_ch, num_feat=8, num_conv=3, upscale=2, act_type=act_type)
    start_as_bilinear(network)
    network.body[-1].weight.data[:, in_ch:] = 0.0
    picture = torch.rand(1, in_ch, 12, 12)
    bilinear = F.interpolate(picture, scale_factor=2.0, mode="bilinear").expand(1, out_ch, 24, 24)
    inside = (..., slice(2, -2), slice(2, -2))  # convolutions see zeros beyond the edge
    torch.testing.assert_close(network(picture)[inside], bilinear[inside])


def test_every_layer_gets_a_gradient_of_use_where_the_default_starves_the_first() -> None:
    def share_of_first_layer(network: SRVGGNetCompact) -> float:
        picture = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        (network(picture) - 0.5).abs().mean().backward()
        first, last = network.body[0].weight.grad, network.body[-1].weight.grad
        return float(first.norm() / last.norm())

    torch.manual_seed(0)
    default, ours = SRVGGNetCompact(), SRVGGNetCompact()
    start_as_bilinear(ours)
    assert share_of_first_layer(ours) > 100 * share_of_first_layer(default)


def test_a_network_narrower_than_the_picture_is_initialised_too() -> None:
    network = SRVGGNetCompact(num_feat=2, num_conv=1, upscale=2)
    start_as_bilinear(network)
    assert network(torch.rand(1, 3, 8, 8)).isfinite().all()
