from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from torchmetrics.functional.image import dists, lpips
from torchvision.models import alexnet, vgg16

from esrgan_train.errors import UserError
from esrgan_train.losses.learned import DISTSLoss, LPIPSLoss
from tests.losses.pictures import picture_and_copy


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The convolutions of torchvision's networks with random weights, as files."""
    torch.manual_seed(0)
    folder, made = tmp_path_factory.mktemp("backbones"), {}
    for name, network in {"alex": alexnet, "vgg": vgg16}.items():
        features = network().features.state_dict()
        made[name] = folder / f"{name}.pth"
        torch.save({f"features.{key}": value for key, value in features.items()}, made[name])
    return made


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_is_torchmetrics_on_the_files_weights(net: str, files: dict[str, Path]):
    sr, hr = picture_and_copy(64)
    loss = LPIPSLoss(net=net, features=str(files[net]))
    backbone = {"alex": alexnet, "vgg": vgg16}[net]()
    backbone.load_state_dict(torch.load(files[net], weights_only=True), strict=False)
    reference = lpips._NoTrainLpips(net=net, pnet_rand=True)
    for name, slot in reference.net.named_parameters():
        slot.data = backbone.features.state_dict()[name.partition(".")[2]]
    expected = lpips._lpips_update(sr.clamp(0, 1), hr, reference, normalize=True).mean()
    assert loss(sr.clamp(0, 1), hr).item() == pytest.approx(expected.item(), rel=1e-5)
    _usable(loss)


@pytest.mark.slow
@pytest.mark.run
def test_dists_is_torchmetrics_on_the_files_weights(files: dict[str, Path]):
    sr, hr = picture_and_copy(64)
    loss = DISTSLoss(features=str(files["vgg"]))
    backbone = vgg16()
    backbone.load_state_dict(torch.load(files["vgg"], weights_only=True), strict=False)
    with patch.object(dists, "vgg16", lambda weights: backbone):  # noqa: ARG005
        expected = dists.deep_image_structure_and_texture_similarity(sr, hr, reduction="mean")
    assert loss(sr, hr).item() == pytest.approx(expected.item(), rel=1e-5)
    _usable(loss)


def _usable(loss: torch.nn.Module) -> None:
    """It has a gradient, nothing to train and nothing to save; equal images cost nothing."""
    sr, hr = picture_and_copy(48)
    (gradient,) = torch.autograd.grad(loss(sr.requires_grad_(), hr), sr)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0
    assert loss(hr, hr).item() == pytest.approx(0, abs=1e-5)
    assert list(loss.parameters()) == []
    assert loss.state_dict() == {}


@pytest.mark.slow
def test_weights_that_cannot_be_had_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, Path]
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def no_network(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(UserError, match=r"features=imagenet: https.*vgg16-.*cannot be fetched \(no route.*<file>"):
        LPIPSLoss()
    with pytest.raises(UserError, match=r"loss\.dists\.function\.features=there\.pth: there is no such file"):
        DISTSLoss(features="there.pth")
    with pytest.raises(UserError, match=r"is not torchvision's vgg16-.*features\.0\.weight is missing"):
        DISTSLoss(features=str(files["alex"]))
