from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from spandrel import ModelLoader
from spandrel.architectures.SPAN import SPAN
from torch import Tensor, nn

from esrgan_train.archs.folding import fold, weights_to_save
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.inference.geometry import measure
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.modelfiles.weights import save_model
from esrgan_train.training.precision import Precision
from esrgan_train.training.teacher import Teacher

LR = torch.rand(1, 3, 9, 14, generator=torch.Generator().manual_seed(0))


class Sum(nn.Module):
    """Two branches, and the method by which own networks fold."""

    def __init__(self) -> None:
        super().__init__()
        self.three, self.one = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.three(x) + self.one(x)  # type: ignore[no-any-return]

    def folded(self) -> nn.Module:
        with torch.no_grad():
            self.three.weight[..., 1, 1] += self.one.weight[..., 0, 0]
            self.three.bias += self.one.bias  # type: ignore[operator]
        return self.three


def span(**options: object) -> SPAN:
    """As after some training: what it keeps merged is out of date."""
    torch.manual_seed(0)
    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2, **options)  # type: ignore[arg-type]


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def assert_same(network: nn.Module, before: dict[str, Tensor]) -> None:
    after = network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("norm", [True, False])
def test_span_becomes_plain_convolutions_and_is_not_touched(norm: bool):
    network = span(norm=norm).train()
    before, hidden = state(network), deepcopy(network)
    plain = fold(network)
    assert_same(network, before)
    assert network.training
    assert type(plain) is SPAN
    assert not plain.training
    assert {type(part).__name__ for part in plain.modules() if not list(part.children())} == {
        *("Conv2d", "SiLU", "LeakyReLU", "PixelShuffle")
    }
    with torch.no_grad():
        branches, merged, got = hidden(LR), hidden.eval()(LR), plain(LR)
    for expected in (branches, merged):
        assert (got - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert_same(fold(plain), state(plain))


def test_own_networks_fold_by_a_method_wherever_they_stand():
    torch.manual_seed(0)
    alone, inside = Sum(), nn.Sequential(Sum(), nn.ReLU(), nn.Sequential(Sum()))
    for network in (alone, inside):
        before = state(network)
        plain = fold(network)
        assert_same(network, before)
        torch.testing.assert_close(plain(LR), network(LR), rtol=0, atol=1e-5)
        assert not any(isinstance(part, Sum) for part in plain.modules())
        assert not any(parameter.requires_grad for parameter in plain.parameters())


def test_a_merged_convolution_keeps_its_activation():
    conv = type(span().conv_1)
    torch.manual_seed(0)
    part = conv(3, 5, gain1=2, relu=True)
    torch.testing.assert_close(fold(part)(LR), part.eval()(LR), rtol=0, atol=1e-6)


def test_a_network_without_branches_is_returned_as_it_is():
    for network in (SRVGGNetCompact(num_feat=8, num_conv=2).train(), nn.Identity()):
        assert fold(network) is network
    assert network.training
    compact = SRVGGNetCompact(num_feat=8, num_conv=2)
    assert weights_to_save(compact).keys() == compact.state_dict().keys()
    assert compact.body[0].weight.requires_grad


def test_what_was_folded_in_inference_mode_works_outside():
    with torch.inference_mode():
        plain = fold(span())
    assert plain(LR).shape == (1, 3, 18, 28)
    assert not plain(LR).is_inference()


def test_saved_weights_hold_the_merged_convolutions_under_the_published_names(tmp_path):
    network = span()
    before = state(network)
    saved = weights_to_save(network)
    assert_same(network, before)
    assert saved.keys() == before.keys()
    merged = {name for name in saved if not torch.equal(saved[name], before[name])}
    assert merged == {name for name in before if ".eval_conv." in name}
    with torch.no_grad():
        expected = deepcopy(network).eval()(LR)
        # A program that reads them alone, without merging anything, computes the same.
        alone = fold(network)
        alone.load_state_dict({name: saved[name if name in saved else _merged(name)] for name in state(alone)})
        assert torch.equal(alone(LR), expected)
        for suffix in (".pth", ".safetensors"):
            save_model(tmp_path / f"m{suffix}", saved, {})
            opened = ModelLoader(device="cpu").load_from_file(tmp_path / f"m{suffix}").model.eval()
            assert torch.equal(opened(LR), expected)


def _merged(name: str) -> str:
    layer, _, kind = name.rpartition(".")
    return f"{layer}.eval_conv.{kind}"


def test_upscaling_and_teaching_leave_the_weights_alone():
    network = span().eval()
    before = state(network)
    teacher = Teacher(network, measure(network))
    upscaler = Upscaler(network, device=torch.device("cpu"), precision="32", tile=0)
    picture = (LR[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    assert upscaler(picture).shape == (18, 28, 3)
    with torch.no_grad():
        expected = deepcopy(network)(LR)
        taught = teacher(LR, Precision("32", "cpu", "a test"))
    assert (taught - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert_same(network, before)
