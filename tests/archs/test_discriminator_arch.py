from __future__ import annotations

import copy
import warnings

import pytest
import torch
from realesrgan.archs.discriminator_arch import UNetDiscriminatorSN as Published

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN


def pair(skip_connection: bool = True, num_feat: int = 8) -> tuple[torch.nn.Module, torch.nn.Module]:
    theirs = Published(3, num_feat, skip_connection)
    ours = UNetDiscriminatorSN(3, num_feat, skip_connection)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def test_judges_every_pixel():
    with torch.no_grad():
        assert UNetDiscriminatorSN()(torch.rand(1, 3, 256, 256)).shape == (1, 1, 256, 256)


def test_parameter_count_is_the_published_one():
    assert sum(parameter.numel() for parameter in UNetDiscriminatorSN().parameters()) == 4_376_897


@pytest.mark.parametrize("skip_connection", [True, False])
def test_training_equals_the_published_network_bit_for_bit(skip_connection):
    """Two passes before each gradient, as a discriminator's step has them; then one in evaluation mode."""
    ours, theirs = pair(skip_connection)
    optimizers = [torch.optim.Adam(network.parameters(), lr=1e-3) for network in (ours, theirs)]
    for step in range(4):
        torch.manual_seed(step)
        real, fake = torch.rand(2, 3, 32, 24), torch.rand(2, 3, 32, 24)
        for network, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            (network(fake).mean() - network(real).square().mean()).backward()
            optimizer.step()
        for key, expected in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[key], expected), key
    ours.eval()
    theirs.eval()
    assert torch.equal(ours(real), theirs(real))


def test_one_seed_gives_the_published_initial_weights_in_the_published_order():
    torch.manual_seed(5)
    theirs = Published(3, 8).state_dict()
    torch.manual_seed(5)
    ours = UNetDiscriminatorSN(num_feat=8).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert {"conv0.weight", "conv1.weight_orig", "conv1.weight_u", "conv1.weight_v"} <= set(ours)


def test_the_published_network_takes_our_weights():
    ours, theirs = UNetDiscriminatorSN(num_feat=8), Published(3, 8)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(ours.eval()(image), theirs.eval()(image))


def test_normalize_ends_normalizes_first_and_last_as_torch_does():
    torch.manual_seed(1)
    network = UNetDiscriminatorSN(num_feat=8, normalize_ends=True)
    torch.manual_seed(1)
    first = torch.nn.utils.spectral_norm(torch.nn.Conv2d(3, 8, 3, padding=1))
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(network.conv0(image), first(image))
    assert list(network.conv9.state_dict()) == list(first.state_dict())


def test_a_trained_discriminator_can_be_copied():
    network = UNetDiscriminatorSN(num_feat=8)
    network(torch.rand(1, 3, 16, 16)).mean().backward()
    twin = copy.deepcopy(network).eval()
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(twin(image), network.eval()(image))


def test_channels_last_agrees():
    network = UNetDiscriminatorSN(num_feat=8)
    image = torch.rand(2, 3, 16, 24)
    for _ in range(5):  # untrained, the singular values are those of random vectors, near 0
        network(image)
    expected = network.eval()(image)
    last = network.to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(image.contiguous(memory_format=torch.channels_last)), expected)


def test_bf16_autocast_leaves_the_normalization_in_float32():
    network, twin = pair()
    image = torch.rand(2, 3, 32, 32)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(image)
    torch.testing.assert_close(logits.float(), twin(image), atol=0.05, rtol=0.05)
    assert torch.equal(network.conv3.weight_u, twin.conv3.weight_u)
    logits.float().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize("size", [(60, 64), (64, 4), (255, 255)])
def test_sizes_that_do_not_halve_three_times_are_refused(size):
    with pytest.raises(ValueError, match=f"multiples of 8, not {size[0]}×{size[1]}"):
        UNetDiscriminatorSN(num_feat=8)(torch.rand(1, 3, *size))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_feat": 0}, "num_feat=0"),
        ({"num_feat": 8.0}, r"num_feat=8\.0"),
        ({"num_in_ch": True}, "num_in_ch=true"),
        ({"skip_connection": "yes"}, "skip_connection=yes.*true or false"),
        ({"normalize_ends": 1}, "normalize_ends=1"),
    ],
)
def test_wrong_options_are_named_with_a_remedy(options, words):
    with pytest.raises(ValueError, match=words):
        UNetDiscriminatorSN(**options)


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        UNetDiscriminatorSN(num_feat=8)(torch.rand(1, 3, 16, 16)).mean().backward()
