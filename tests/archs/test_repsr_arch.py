"""Branches beside 3×3 convolutions: one convolution in each pass, and a compact network for everyone else."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import spandrel
import torch
import torch.nn.functional as F
from scipy.signal import correlate
from torch import Tensor, nn

from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.repsr_arch import RepSR, merged_state
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.training.casting import run_with_cast_weights
from esrgan_train.training.ema import EMA
from tests.same_output import assert_same_output

OPTIONS = {"num_feat": 8, "num_conv": 3, "upscale": 2}
ACTIVATIONS = ("prelu", "relu", "leakyrelu")


def trained(**options: object) -> RepSR:
    """A network whose branches all matter."""
    network = RepSR(**OPTIONS | options)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def branch_by_branch(network: RepSR, lr: Tensor) -> Tensor:
    """The output when every branch is computed on pictures, by SciPy in float64."""
    x = lr[0].double().numpy()
    state = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    for place in range(network.num_conv + 2):
        group, layer = ("hidden", place - 1) if 0 < place <= network.num_conv else ("first", 0)
        group = "last" if place > network.num_conv else group
        narrow, spread, point = (
            state[f"branches.{group}.{name}"][layer] for name in ("narrow", "spread", "point")
        )
        taps = spread.reshape(len(point), 3, 3, -1).transpose(0, 3, 1, 2)
        out = convolved(x, state[f"body.{2 * place}.weight"]) + convolved(
            np.einsum("mc,chw->mhw", narrow, x), taps
        )
        out += np.einsum("kc,chw->khw", point, x) + state[f"body.{2 * place}.bias"][:, None, None]
        if (identity := state.get(f"branches.{group}.identity")) is not None:
            out += identity[layer][:, None, None] * x
        if (slopes := state.get(f"body.{2 * place + 1}.weight")) is not None:
            out = np.where(out > 0, out, slopes[:, None, None] * out)
        x = out
    return F.pixel_shuffle(torch.from_numpy(x)[None], network.upscale).float() + F.interpolate(
        lr, scale_factor=float(network.upscale)
    )


def convolved(x: np.ndarray, kernels: np.ndarray) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    return np.stack([correlate(padded, kernel, mode="valid")[0] for kernel in kernels])


@pytest.mark.parametrize("size", [(1, 1), (7, 10)], ids=str)
def test_the_output_is_the_sum_of_the_branches_at_the_borders_too(size: tuple[int, int]):
    network, lr = trained(), torch.rand(1, 3, *size)
    torch.testing.assert_close(network(lr), branch_by_branch(network, lr), rtol=1e-5, atol=1e-6)


def test_a_bias_before_the_padding_could_not_be_merged():
    """What the 1×1 before the 3×3 must not have: the largest difference lies at the border."""
    lr, narrow, bias, taps = torch.rand(1, 3, 8, 8), torch.rand(4, 3, 1, 1), torch.rand(4), torch.rand(2, 4, 3, 3)
    apart = F.conv2d(F.conv2d(lr, narrow, bias), taps, padding=1)
    kernel = torch.einsum("kmij,mc->kcij", taps, narrow[:, :, 0, 0])
    difference = (
        (F.conv2d(lr, kernel, torch.einsum("kmij,m->k", taps, bias), padding=1) - apart).abs().amax((0, 1))
    )
    assert difference[1:-1, 1:-1].max() < 1e-5
    assert difference[0].min() > 0.1


@pytest.mark.parametrize("act_type", ACTIVATIONS)
@pytest.mark.parametrize(
    "options",
    [{}, {"num_conv": 0}, {"num_in_ch": 1, "num_out_ch": 1}, {"num_feat": 12, "branch_ratio": 1}],
    ids=str,
)
def test_folded_it_is_an_equal_compact_network(options: dict[str, int], act_type: str):
    network = trained(**options, act_type=act_type)
    lr = torch.rand(2, network.num_in_ch, 5, 9)
    plain = network.folded()
    assert type(plain) is SRVGGNetCompact
    assert plain.training
    assert not network.eval().folded().training
    assert_same_output(plain, network, lr)
    known = {name: value for name, value in options.items() if name != "branch_ratio"}
    assert plain.state_dict().keys() == SRVGGNetCompact(**OPTIONS | known, act_type=act_type).state_dict().keys()
    before = network.state_dict()["body.0.bias"].clone()
    plain.body[0].bias.data.add_(1)
    assert torch.equal(network.state_dict()["body.0.bias"], before)  # a copy


def test_spandrel_opens_the_merged_weights():
    network, lr = trained(), torch.rand(1, 3, 11, 8)
    opened = spandrel.ModelLoader().load_from_state_dict(merged_state(network.state_dict()))
    assert opened.architecture.id == "Compact"
    assert_same_output(opened.model, network, lr)


@pytest.mark.parametrize("bilinear", [False, True])
def test_it_starts_as_the_compact_network_and_leaves_the_same_random_numbers(bilinear: bool):
    networks, after = [], []
    for cls in (SRVGGNetCompact, RepSR):
        torch.manual_seed(5)
        networks.append(cls(**OPTIONS))
        if bilinear:
            start_as_bilinear(networks[-1])
        after.append(torch.rand(3))
    lr = torch.rand(1, 3, 12, 9)
    assert_same_output(networks[1], networks[0], lr)
    assert torch.equal(*after)


def test_every_branch_learns():
    network = RepSR(**OPTIONS)
    network(torch.rand(2, 3, 8, 8)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_gradients_are_those_of_the_merged_kernels():
    network, lr = trained().double(), torch.rand(1, 3, 6, 5, dtype=torch.float64)
    plain = network.folded()
    for each in (network, plain):
        each(lr).square().sum().backward()
    kernel = plain.body[2].weight.grad
    hidden = network.branches["hidden"]
    taps = hidden.spread[0].detach().view(8, 3, 3, -1)
    expected = {
        "body": kernel,
        "point": kernel[:, :, 1, 1],
        "identity": kernel[:, :, 1, 1].diagonal(),
        "spread": torch.einsum("kcij,mc->kijm", kernel, hidden.narrow[0].detach()).flatten(0, 2),
        "narrow": torch.einsum("kcij,kijm->mc", kernel, taps),
    }
    found = {name: getattr(hidden, name).grad[0] for name in ("point", "identity", "spread", "narrow")}
    torch.testing.assert_close({"body": network.body[2].weight.grad, **found}, expected)


def test_the_average_of_the_branches_is_merged_when_it_is_used():
    network = RepSR(**OPTIONS)
    ema = EMA(network, decay=0.5, warmup=False)
    other = trained()
    ema.update(other, iteration=1, skip=torch.zeros(()))
    expected = RepSR(**OPTIONS)
    mean = {name: (tensor + other.state_dict()[name]) / 2 for name, tensor in network.state_dict().items()}
    expected.load_state_dict(mean)
    lr = torch.rand(1, 3, 6, 6)
    assert_same_output(ema.module, expected.folded(), lr)


@pytest.mark.parametrize("order", [torch.channels_last, torch.contiguous_format], ids=str)
def test_in_bf16_the_merge_is_float32_and_weights_are_cast_together(order: torch.memory_format):
    network = trained().to(memory_format=order)
    lr = torch.rand(2, 3, 16, 16).contiguous(memory_format=order)
    plain = network.folded()
    plain.casts_at_once = False
    outputs, gradients = [], []
    for each in (network, plain):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs.append(run_with_cast_weights(each, lr, torch.bfloat16))
        outputs[-1].square().mean().backward()
        gradients.append(each.body[0].bias.grad)
    assert outputs[0].dtype == torch.float32
    torch.testing.assert_close(*outputs, rtol=0, atol=2e-3)  # bf16 kernels of another order of memory
    torch.testing.assert_close(*gradients, rtol=2e-2, atol=1e-5)
    merged = network._weights("cpu")["2.weight"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(network._weights("cpu")["2.weight"], merged.bfloat16())


def test_hooks_of_its_layers_see_the_merged_result():
    network, seen = trained(), []
    network.body[2].register_forward_hook(lambda _layer, given, output: seen.append((given[0], output)))
    network(torch.rand(1, 3, 6, 6))
    (given, output), plain = seen[0], network.folded().body[2]
    torch.testing.assert_close(output, plain(given), rtol=0, atol=1e-6)


def test_a_convolution_for_each_layer_and_few_operations_to_merge():
    def kernels(network: nn.Module) -> int:
        with torch.profiler.profile() as profile:
            network(torch.rand(1, 3, 8, 8))
        names = [event.name for event in profile.events()]
        assert names.count("aten::convolution") == network.num_conv + 2
        return len(names)

    deep, shallow = (kernels(RepSR(num_feat=8, num_conv=n)) for n in (16, 4))
    plain = kernels(SRVGGNetCompact(num_feat=8, num_conv=16)) - kernels(SRVGGNetCompact(num_feat=8, num_conv=4))
    assert deep - shallow < 2 * plain


def test_copies_and_wrong_options():
    network = trained()
    lr = torch.rand(1, 3, 4, 4)
    assert torch.equal(deepcopy(network)(lr), network(lr))
    with pytest.raises(UserError, match="num_out_ch=4"):
        RepSR(num_out_ch=4)
    with pytest.raises(UserError, match="branch_ratio"):
        RepSR(branch_ratio=0)
