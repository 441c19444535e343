from __future__ import annotations

import pytest
import torch
from realesrgan.archs.srvgg_arch import SRVGGNetCompact as Published

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact

ACTIVATIONS = ("prelu", "relu", "leakyrelu")


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_default_generator_enlarges_four_times():
    assert SRVGGNetCompact()(torch.rand(1, 3, 64, 64)).shape == (1, 3, 256, 256)


def test_its_output_goes_through_the_discriminator():
    sr = SRVGGNetCompact(upscale=4, num_conv=2)(torch.rand(4, 3, 64, 64))
    assert sr.shape == (4, 3, 256, 256)
    with torch.no_grad():
        assert UNetDiscriminatorSN(num_feat=8)(sr).shape == (4, 1, 256, 256)


def test_parameter_counts_are_the_published_ones():
    assert count(SRVGGNetCompact()) == 621_424
    assert count(SRVGGNetCompact(num_conv=32)) == 1_213_296


@pytest.mark.parametrize("act_type", ACTIVATIONS)
@pytest.mark.parametrize("upscale", [1, 2, 3, 4, 5, 8])
def test_outputs_and_gradients_equal_the_published_network_bit_for_bit(act_type, upscale):
    options = {"num_feat": 12, "num_conv": 3, "upscale": upscale, "act_type": act_type}
    theirs, ours = Published(**options), SRVGGNetCompact(**options)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    lr = torch.rand(2, 3, 13, 17)
    expected, actual = theirs(lr), ours(lr)
    assert torch.equal(actual, expected)
    expected.square().sum().backward()
    actual.square().sum().backward()
    for ours_parameter, parameter in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(ours_parameter.grad, parameter.grad)


def test_default_network_equals_the_published_one_bit_for_bit():
    theirs = Published()
    ours = SRVGGNetCompact()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    lr = torch.rand(1, 3, 48, 40)
    with torch.no_grad():
        assert torch.equal(ours(lr), theirs(lr))


@pytest.mark.parametrize("act_type", ACTIVATIONS)
def test_one_seed_gives_the_published_initial_weights_in_the_published_order(act_type):
    torch.manual_seed(3)
    theirs = Published(act_type=act_type).state_dict()
    torch.manual_seed(3)
    ours = SRVGGNetCompact(act_type=act_type).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_gray_input_is_added_to_every_colour_as_published():
    theirs, ours = Published(num_in_ch=1, num_feat=4, num_conv=1), SRVGGNetCompact(1, 3, 4, 1)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    lr = torch.rand(1, 1, 6, 6)
    assert torch.equal(ours(lr), theirs(lr))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"act_type": "gelu"}, "act_type=gelu.*prelu, relu, leakyrelu"),
        ({"upscale": 0}, "upscale=0.*from 1 on"),
        ({"upscale": 2.0}, r"upscale=2\.0.*whole number"),
        ({"upscale": True}, "upscale=true"),
        ({"num_feat": 0}, "num_feat=0"),
        ({"num_feat": -64}, "num_feat=-64"),
        ({"num_feat": "64"}, "num_feat=64"),
        ({"num_conv": -1}, "num_conv=-1.*from 0 on"),
        ({"num_out_ch": 1}, "num_out_ch=1.*num_out_ch=3"),
        ({"num_in_ch": 4}, "num_out_ch=3.*num_out_ch=4"),
    ],
)
def test_wrong_options_are_named_with_a_remedy(options, words):
    with pytest.raises(ValueError, match=words):
        SRVGGNetCompact(**options)


def test_a_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="num_fet"):
        SRVGGNetCompact(num_fet=32)  # type: ignore[call-arg]


@pytest.mark.parametrize("act_type", ACTIVATIONS)
def test_channels_last_agrees(act_type):
    network = SRVGGNetCompact(num_feat=16, num_conv=2, act_type=act_type)
    lr = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        expected = network(lr)
        last = network.to(memory_format=torch.channels_last)
        actual = last(lr.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("act_type", ACTIVATIONS)
def test_under_bf16_autocast_the_enlarged_input_stays_float32(act_type):
    network = SRVGGNetCompact(num_feat=16, num_conv=2, act_type=act_type)
    torch.nn.init.zeros_(network.body[-1].weight)
    torch.nn.init.zeros_(network.body[-1].bias)
    lr = torch.rand(1, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        sr = network(lr)
    assert sr.dtype == torch.float32
    assert torch.equal(sr, lr.repeat_interleave(4, 2).repeat_interleave(4, 3))  # bf16 has but 8 bits


def test_bf16_autocast_is_close_and_trains():
    network = SRVGGNetCompact(num_feat=16, num_conv=2)
    lr = torch.rand(1, 3, 8, 8)
    expected = network(lr).detach()
    with torch.autocast("cpu", torch.bfloat16):
        sr = network(lr)
    torch.testing.assert_close(sr, expected, atol=0.02, rtol=0)
    sr.square().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize("act_type", ACTIVATIONS)
def test_exports_with_free_sizes(act_type):
    network = SRVGGNetCompact(num_feat=8, num_conv=1, act_type=act_type).eval()
    sizes = {0: torch.export.Dim("batch"), 2: torch.export.Dim("height"), 3: torch.export.Dim("width")}
    program = torch.export.export(network, (torch.rand(2, 3, 16, 20),), dynamic_shapes=(sizes,))
    lr = torch.rand(3, 3, 9, 11)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(lr), network(lr))


def test_runs_on_fake_cuda_tensors():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode(), torch.device("cuda"):
        sr = SRVGGNetCompact(num_feat=8, num_conv=1)(torch.rand(1, 3, 16, 16))
        logits = UNetDiscriminatorSN(num_feat=8)(sr)
    assert sr.device.type == logits.device.type == "cuda"
    assert logits.shape == (1, 1, 64, 64)
