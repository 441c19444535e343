"""init_match=shared: a network's first weights from another's file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.images.colour import BT601
from esrgan_train.modelfiles.compact_sharing import area_weights
from esrgan_train.modelfiles.sharing import Sharing, share
from esrgan_train.modelfiles.weights import ModelFile
from tests.archs.test_published_weights import MODELS, read_ncnn


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    return read_ncnn(MODELS / "realesr-animevideov3-x4")


def photo() -> torch.Tensor:
    part = skimage.data.astronaut()[40:64, 180:208]
    return torch.from_numpy(part).permute(2, 0, 1)[None].float() / 255


def of(state: dict[str, torch.Tensor], **options: object) -> ModelFile:
    return ModelFile(Path("m.pth"), state, options=options)


def shared(network: nn.Module, model: ModelFile) -> Sharing:
    sharing = share(network, model, "init_from=m.pth")
    sharing.load(network)
    return sharing


@torch.no_grad()
def enlarged(network: nn.Module, lr: torch.Tensor) -> np.ndarray:
    return network(lr)[0].permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def expected(published: dict[str, torch.Tensor]) -> np.ndarray:
    network = SRVGGNetCompact()
    network.load_state_dict(published)
    return enlarged(network, photo())


@pytest.mark.parametrize("upscale", [1, 2, 3])
def test_another_scale_starts_as_the_published_result_resized_by_opencv(
    upscale: int, published: dict[str, torch.Tensor], expected: np.ndarray
):
    network = SRVGGNetCompact(upscale=upscale)
    sharing = shared(network, of(published))
    wanted = cv2.resize(expected, None, fx=upscale / 4, fy=upscale / 4, interpolation=cv2.INTER_AREA)
    assert np.abs(enlarged(network, photo()) - wanted).max() < 1e-5
    assert not sharing.reset
    assert not sharing.left
    assert list(sharing.lines()) == [
        "taken: 51 weights (body.0 to body.33)",
        f"derived: 2 weights (body.34), ×{upscale} from ×4 by area",
    ]


def test_a_larger_scale_starts_as_its_nearest_enlargement(
    published: dict[str, torch.Tensor], expected: np.ndarray
):
    network = SRVGGNetCompact(upscale=8)
    shared(network, of(published))
    assert np.abs(enlarged(network, photo()) - expected.repeat(2, 0).repeat(2, 1)).max() < 1e-6


@pytest.mark.parametrize(("outputs", "inputs"), [(1, 4), (2, 3), (3, 4), (5, 2), (4, 4)])
def test_area_weights_are_opencvs(outputs: int, inputs: int):
    impulses = np.eye(inputs, dtype=np.float32)
    if outputs <= inputs:
        wanted = cv2.resize(impulses, (inputs, outputs), interpolation=cv2.INTER_AREA)
        assert np.allclose(area_weights(outputs, inputs), wanted, atol=1e-6)
    assert torch.allclose(area_weights(outputs, inputs).sum(1), torch.ones(outputs))
    assert torch.allclose(area_weights(outputs, inputs).sum(0), torch.full((inputs,), outputs / inputs))


def test_the_same_network_takes_everything(published: dict[str, torch.Tensor]):
    network = SRVGGNetCompact()
    assert list(shared(network, of(published)).lines()) == ["taken: 53 weights (body.0 to body.34)"]
    assert all(torch.equal(tensor, published[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("act_type", ["prelu", "relu"])
def test_more_convolutions_change_nothing(act_type: str):
    torch.manual_seed(0)
    small = SRVGGNetCompact(num_feat=8, num_conv=2, act_type=act_type)
    deep = SRVGGNetCompact(num_feat=8, num_conv=5, act_type=act_type)
    sharing = shared(deep, of(small.state_dict(), act_type=act_type))
    assert np.abs(enlarged(deep, photo()) - enlarged(small, photo())).max() < 1e-6
    assert "derived" in list(sharing.lines())[1]
    assert "added as identity" in list(sharing.lines())[1]
    assert not sharing.reset
    assert all(torch.isfinite(tensor).all() for tensor in deep.state_dict().values())


def test_fewer_convolutions_take_the_first_and_the_last(published: dict[str, torch.Tensor]):
    network = SRVGGNetCompact(num_conv=8)
    sharing = shared(network, of(published))
    state = network.state_dict()
    assert torch.equal(state["body.16.weight"], published["body.16.weight"])
    assert torch.equal(state["body.18.weight"], published["body.34.weight"])
    assert list(sharing.lines())[-1] == "left, not in the network: 24 weights (body.18 to body.33)"


def test_another_activation_leaves_or_resets_the_slopes():
    torch.manual_seed(0)
    prelu, relu = (SRVGGNetCompact(num_feat=8, num_conv=1, act_type=name) for name in ("prelu", "relu"))
    left = shared(SRVGGNetCompact(num_feat=8, num_conv=1, act_type="relu"), of(prelu.state_dict()))
    assert left.left == ("body.1.weight", "body.3.weight")
    unknown = shared(SRVGGNetCompact(num_feat=8, num_conv=1), of(relu.state_dict()))
    assert list(unknown.lines())[-1] == "reset, not in the file: 2 weights (body.1, body.3)"
    known = SRVGGNetCompact(num_feat=8, num_conv=1)
    shared(known, of(relu.state_dict(), act_type="relu"))
    assert np.abs(enlarged(known, photo()) - enlarged(relu, photo())).max() < 1e-6


def test_gray_from_rgb_is_the_luma_of_its_result_and_rgb_from_gray_is_gray_again(
    published: dict[str, torch.Tensor],
):
    rgb, gray, again = SRVGGNetCompact(), SRVGGNetCompact(num_in_ch=1, num_out_ch=1), SRVGGNetCompact()
    rgb.load_state_dict(published)
    shared(gray, of(published))
    shared(again, of(gray.state_dict()))
    lr = photo()[:, 1:2]
    three = enlarged(rgb, lr.expand(-1, 3, -1, -1))
    assert np.abs(enlarged(gray, lr)[..., 0] - three @ np.array(BT601, np.float32)).max() < 1e-5
    assert np.abs(enlarged(again, lr.expand(-1, 3, -1, -1)) - enlarged(gray, lr)).max() < 1e-5


def test_another_width_is_refused_with_the_reason(published: dict[str, torch.Tensor]):
    with pytest.raises(UserError, match=r"^init_from=m.pth has num_feat=64.*give generator.num_feat=64, or give"):
        share(SRVGGNetCompact(num_feat=24), of(published), "init_from=m.pth")


class Branches(nn.Module):
    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3) for _ in range(blocks))


def test_other_networks_share_by_name_and_shape():
    torch.manual_seed(0)
    given, network = Branches(4, 3), Branches(4, 2)
    sharing = shared(network, of(given.state_dict()))
    assert all(torch.equal(t, given.state_dict()[name]) for name, t in network.state_dict().items())
    assert sharing.left == ("blocks.2.weight", "blocks.2.bias")
    deeper = shared(Branches(4, 4), of(given.state_dict()))
    assert deeper.reset == ("blocks.3.weight", "blocks.3.bias")
    with pytest.raises(UserError, match="no layer fits Branches"):
        share(Branches(5, 3), of(given.state_dict()), "init_from=m.pth")
