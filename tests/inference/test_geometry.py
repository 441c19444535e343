"""What is measured of a network against what its construction says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.inference.geometry import measure, reach_of
from tests.inference.networks import build


def rrdb_radius(blocks: int, doublings: int) -> int:
    """Fifteen convolutions a block and one on each side of them, one after each doubling and two at the end."""
    farthest = 0
    for pixel in range(2**doublings):
        first, last = pixel - 2, pixel + 2
        for _ in range(doublings):
            first, last = (first - 1) // 2, (last + 1) // 2
        farthest = max(farthest, -first, last)
    return farthest + 15 * blocks + 2


@pytest.mark.run
@pytest.mark.parametrize(
    ("name", "radius"),
    [
        ("compact", 4 + 2),
        ("deep compact", 32 + 2),
        ("rrdb x4", rrdb_radius(1, 2)),
        ("rrdb x2", rrdb_radius(2, 1)),
        ("span", 1 + 6 * 3 + 2),
        ("plksr", 1 + 2 * (1 + 2 + 1) + 1),  # each block: 3 × 3, 5 × 5 and 3 × 3
    ],
)
def test_the_radius_is_that_of_the_construction(name: str, radius: int) -> None:
    geometry = measure(build(name))
    assert (geometry.radius, geometry.multiple, geometry.least) == (radius, 1, 1)
    assert reach_of(build(name)) == radius


@pytest.mark.run
@pytest.mark.parametrize("name", ["omnisr", "rcan"])
def test_a_network_that_sees_everything_has_no_radius(name: str) -> None:
    assert measure(build(name)).radius is None
    assert reach_of(build(name)) is None


@pytest.mark.parametrize(
    ("name", "multiple", "least"),
    [("swinir", 4, 4), ("safmn", 8, 8), ("ditn", 8, 8), ("unshuffled rrdb", 2, 2)],
)
def test_steps_and_least_sizes_are_found(name: str, multiple: int, least: int) -> None:
    geometry = measure(build(name))
    assert (geometry.multiple, geometry.least) == (multiple, least)
    assert geometry.radius is not None
    assert geometry.radius % multiple == 0
    assert reach_of(build(name)) is None  # tiles cannot start anywhere


@pytest.mark.parametrize(("name", "multiple", "least"), [("realcugan", 1, 32), ("fast realcugan", 4, 64)])
def test_networks_that_refuse_small_pictures_have_a_scale(name: str, multiple: int, least: int) -> None:
    geometry = measure(build(name))
    assert (geometry.scale, geometry.multiple, geometry.least) == (2, multiple, least)
    assert [geometry.fit(side) for side in (1, 65)] == [least, math.ceil(65 / multiple) * multiple]


class Layers(nn.Module):
    """Two convolutions, between which values are changed."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 3, 3, padding=1)

    def between(self, maps: Tensor) -> Tensor:
        return maps

    def forward(self, lr: Tensor) -> Tensor:
        return lr + self.second(self.between(self.first(lr)))


class Dead(Layers):
    """No picture in [0, 1] gets through, others might."""

    def between(self, maps: Tensor) -> Tensor:
        return (maps - 1e6).relu()


class WithoutNaN(Layers):
    """What is not a number does not get through."""

    def between(self, maps: Tensor) -> Tensor:
        return maps.nan_to_num(0.0)


class InPlace(Layers):
    """Writes into what it is given, counts, and has a layer that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(4)
        self.register_buffer("calls", torch.zeros(()))

    def between(self, maps: Tensor) -> Tensor:
        self.calls += 1
        return self.norm(maps).relu_()

    def forward(self, lr: Tensor) -> Tensor:
        return super().forward(lr.mul_(2.0))


@pytest.mark.parametrize("network", [Dead, WithoutNaN, InPlace])
def test_what_hides_an_influence_does_not_hide_the_reach(network: type[Layers]) -> None:
    torch.manual_seed(0)
    assert measure(network()).radius == 2


def test_measuring_leaves_no_trace() -> None:
    network = InPlace().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    stream = torch.get_rng_state()
    measure(network)
    assert network.training
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    network(torch.rand(1, 3, 8, 8)).sum().backward()  # nothing of inference mode is left in it
    network.forward = None  # it is measured once
    assert measure(network).radius == 2


def test_the_compact_network_is_known_without_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SRVGGNetCompact, "forward", None)
    geometry = measure(SRVGGNetCompact(num_feat=8, num_conv=3, upscale=3))
    assert (geometry.scale, geometry.radius, geometry.least) == (3, 5, 1)


def test_what_does_not_enlarge_is_refused_with_the_reason() -> None:
    with pytest.raises(UserError, match=r"Conv2d does not enlarge RGB pictures.*makes \(1, 4, 65, 67\)"):
        measure(nn.Conv2d(3, 4, 1))
    with pytest.raises(
        UserError, match=r"Conv2d does not enlarge RGB pictures.*67×65 pixels it says: Given groups"
    ):
        measure(nn.Conv2d(4, 4, 1))
