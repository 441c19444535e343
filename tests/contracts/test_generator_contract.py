from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.contracts.networks import check_generator
from esrgan_train.contracts.part import Part
from esrgan_train.errors import UserError

MINE = Part(option="generator", target="my_parts.Mine")


class Mine(nn.Module):
    """Doubles the size; then ``spoil(self, lr, sr)`` is what it returns."""

    def __init__(self, spoil: Callable[..., Any] = lambda self, lr, sr: sr) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.PixelShuffle(2))
        self.spoil = spoil

    def forward(self, lr: Tensor) -> Any:
        return self.spoil(self, lr, self.layers(lr))


def check(network: nn.Module, *, upscale: int = 2) -> None:
    check_generator(network, MINE, upscale=upscale, lr_side=8)


def fail(*_: Any) -> None:
    raise KeyError("deep\ninside")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda n, lr, sr: (sr, lr) if n.training else sr, "makes a tuple of 2×3×8×8 in training mode; return"),
        (lambda n, lr, sr: sr if n.training else {"sr": sr}, "makes a dict of 1×3×9×11 in evaluation mode"),
        (lambda n, lr, sr: None, "makes None of"),
        (lambda n, lr, sr: sr[0], "makes 3×16×16 of 2×3×8×8.*needs 2×3×16×16"),
        (lambda n, lr, sr: sr[..., : sr.shape[-2] // 4 * 4, :], "makes 1×3×16×22 of 1×3×9×11.*pad"),
        (lambda n, lr, sr: (sr * 255).byte(), "makes a tensor of uint8, 2×3×16×16"),
        (lambda n, lr, sr: sr / 0, "makes NaN or infinity"),
        (lambda n, lr, sr: sr.detach(), "cut off from its weights"),
        (lambda n, lr, sr: F.max_pool2d(sr, 99), "2×3×8×8 in training mode fails: RuntimeError.*gt_size"),
        (lambda n, lr, sr: sr if n.training else fail(), "1×3×9×11 in evaluation mode fails: KeyError: .*pad"),
    ],
)  # fmt: skip
def test_what_no_run_could_use_is_refused_in_one_line(spoil: Callable[..., Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^generator\._target_=my_parts\.Mine: .*{message}") as refusal:
        check(Mine(spoil))
    assert "\n" not in str(refusal.value)


def test_another_scale_is_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match=r"upscale=3 needs 2×3×24×24; bind its scale to \$\{upscale\}"):
        check(Mine(), upscale=3)


def test_a_network_without_weights_is_refused() -> None:
    with pytest.raises(UserError, match="no weights to train"):
        check(nn.Upsample(scale_factor=2))


@pytest.mark.parametrize("upscale", [1, 2, 3, 4])
def test_the_default_network_passes_without_a_warning(upscale: int, caplog: pytest.LogCaptureFixture) -> None:
    check(SRVGGNetCompact(num_feat=4, num_conv=1, upscale=upscale), upscale=upscale)
    assert not caplog.records


def test_a_network_may_draw_and_work_in_place_in_training(caplog: pytest.LogCaptureFixture) -> None:
    check(Mine(lambda n, lr, sr: F.dropout(sr, training=n.training) + lr.mul_(2).mean()))
    assert not caplog.records


def test_one_that_draws_in_evaluation_mode_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check(Mine(lambda n, lr, sr: sr + torch.rand(())))
    (record,) = caplog.records
    assert (
        "generator._target_=my_parts.Mine makes another picture of the same one each time" in record.getMessage()
    )


def test_where_gradients_are_off_the_network_is_tried_as_it_is_trained() -> None:
    network = Mine()
    with torch.no_grad():
        check(network)
        assert not torch.is_grad_enabled()
    assert all(weight.grad is None for weight in network.parameters())


def test_the_trial_leaves_the_network_and_the_random_numbers_as_they_were() -> None:
    network = Mine(lambda n, lr, sr: sr + torch.rand(()) * 0).eval()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    check(network)
    assert torch.equal(torch.rand(2), expected)
    assert not network.training
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in state.items())
    assert all(parameter.grad is None for parameter in network.parameters())
