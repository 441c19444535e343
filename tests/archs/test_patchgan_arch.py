from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.archs.patchgan_arch import MultiscalePatchGAN, PatchGAN


def plain(layers: int) -> nn.Sequential:
    """The published layers, with torch's own spectral normalization."""
    widths = [3, *(4 * 2**n for n in range(layers + 1)), 1]
    parts: list[nn.Module] = []
    for number, (before, width) in enumerate(pairwise(widths)):
        conv = nn.Conv2d(before, width, 4, stride=2 if number < layers else 1, padding=1)
        parts += [torch.nn.utils.spectral_norm(conv), nn.LeakyReLU(0.2)]
    return nn.Sequential(*parts[:-1])


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_it_judges_as_plain_layers_with_spectral_normalization_do(layers: int) -> None:
    ours, theirs = PatchGAN(num_feat=4, num_layers=layers), plain(layers)
    theirs.load_state_dict(dict(zip(theirs.state_dict(), _in_order(ours, theirs), strict=True)))
    image = torch.rand(2, 3, 48, 40)
    torch.testing.assert_close(ours(image), theirs(image))


def _in_order(ours: PatchGAN, theirs: nn.Module) -> list[Tensor]:
    """Our values by the last part of their names, layer by layer."""
    values = ours.state_dict()
    layers = dict(zip(dict.fromkeys(n.split(".")[0] for n in theirs.state_dict()), range(99), strict=False))
    return [
        values[f"layers.{layers[number]}.{name}"] for number, name in (n.split(".") for n in theirs.state_dict())
    ]


@pytest.mark.parametrize(("layers", "width"), [(1, 16), (2, 34), (3, 70)])
def test_a_logit_sees_a_patch(layers: int, width: int) -> None:
    judge = PatchGAN(num_feat=4, num_layers=layers).eval()
    image = torch.rand(1, 3, 160, 160, requires_grad=True)
    logits = judge(image)
    middle = logits.shape[-1] // 2
    (gradient,) = torch.autograd.grad(logits[0, 0, middle, middle], image)
    seen = gradient[0].abs().sum(0) > 0
    assert (int(seen.any(0).sum()), int(seen.any(1).sum())) == (width, width)


def test_several_sizes_are_judged_by_one_network_each() -> None:
    judge = MultiscalePatchGAN(num_feat=4, num_layers=1, num_scales=3).eval()
    image = torch.rand(1, 3, 64, 64)
    whole, half, quarter = judge(image)
    assert [logits.shape[-1] for logits in (whole, half, quarter)] == [30, 14, 6]
    assert torch.equal(whole, judge.scales[0](image))
    gray = torch.full_like(image, 0.5)  # the mean of what is inside is itself
    torch.testing.assert_close(judge(gray)[1], judge.scales[1](gray[..., :32, :32]))


def test_a_crop_that_is_too_small_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"sides from 24 pixels on, not 16×16; give fewer discriminator\.num_layers"
    ):
        PatchGAN(num_feat=4)(torch.rand(1, 3, 16, 16))
