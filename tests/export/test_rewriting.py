from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.export.rewriting import Rewritten, clamp, max_pool_to, pixel_shuffle, prelu, repeat_channels


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 8), (9, 23), (31, 64)])
@pytest.mark.parametrize("parts", [(1, 1), (2, 3), (5, 7), (4, 8)])
def test_pooling_to_a_size_equals_torchs(size: tuple[int, int], parts: tuple[int, int]):
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(max_pool_to(x, parts), F.adaptive_max_pool2d(x, parts))
    assert torch.equal(max_pool_to(x, parts[0]), F.adaptive_max_pool2d(x, parts[0]))


def test_repeated_channels_equal_torchs():
    x = torch.rand(2, 3, 4, 5)
    assert torch.equal(repeat_channels(x, repeats=4, dim=1), torch.repeat_interleave(x, repeats=4, dim=1))


def test_simpler_operators_equal_torchs():
    x = torch.randn(2, 12, 5, 7, generator=torch.Generator().manual_seed(0))
    for slopes in (torch.linspace(-0.5, 1.5, 12), torch.tensor([0.25])):
        assert torch.equal(prelu(x, slopes), F.prelu(x, slopes))
    assert torch.equal(pixel_shuffle(x, 2), F.pixel_shuffle(x, 2))
    assert torch.equal(clamp(x, 0, 1), x.clamp(0, 1))
    assert clamp(x.half(), 0, 1).dtype == torch.float16


def test_functions_are_replaced_within_the_network_alone():
    class Pooling(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.adaptive_max_pool2d(x, (2, 2))

    calls = []
    counting = {F.adaptive_max_pool2d: lambda *given, **options: calls.append(1) or max_pool_to(*given, **options)}
    x = torch.rand(1, 3, 5, 7)
    expected = F.adaptive_max_pool2d(x, (2, 2))
    assert torch.equal(Rewritten(Pooling(), counting)(x), expected)
    assert calls == [1]
    assert torch.equal(Pooling()(x), expected)
    assert calls == [1]


def test_repetition_of_rows_is_refused():
    with pytest.raises(NotImplementedError, match="along dim=2"):
        repeat_channels(torch.rand(1, 3, 5, 7), repeats=2, dim=2)
