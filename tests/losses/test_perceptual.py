from __future__ import annotations

import http.server
import threading
import warnings
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import safetensors.torch
import skimage.data
import torch
import torchvision
from basicsr.archs import vgg_arch
from basicsr.losses.basic_loss import PerceptualLoss as Published
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torchvision.models import VGG19_Weights

from esrgan_train.errors import UserError
from esrgan_train.losses import vgg_weights
from esrgan_train.losses.perceptual import PUBLISHED_LAYERS, PerceptualLoss
from esrgan_train.losses.vgg import CONVS
from esrgan_train.losses.vgg_weights import random_weights

CONF = Path(__file__).parents[2] / "conf/loss/perceptual/vgg19.yaml"


@pytest.fixture(scope="module")
def vgg19_file(tmp_path_factory) -> Path:
    """The convolutions of torchvision's own VGG19, as it names them, with weights from the seed 7."""
    path = tmp_path_factory.mktemp("vgg") / "vgg19.pth"
    torch.manual_seed(7)
    torch.save({f"features.{key}": value for key, value in features().state_dict().items()}, path)
    return path


def features() -> torch.nn.Module:
    return torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])


@pytest.fixture(scope="module")
def random_loss() -> PerceptualLoss:
    return PerceptualLoss(features="random")


def photo(side: int = 128) -> torch.Tensor:
    crop = skimage.data.astronaut()[:side, 150 : 150 + side]
    return torch.from_numpy(crop.astype(np.float32) / 255).permute(2, 0, 1)[None]


def degraded(hr: torch.Tensor) -> torch.Tensor:
    image = hr[0].permute(1, 2, 0).numpy()
    small = cv2.resize(image, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    small = (small + np.random.default_rng(0).normal(0, 0.02, small.shape)).astype(np.float32)
    large = cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return torch.from_numpy(large).permute(2, 0, 1)[None]


def test_values_and_gradients_equal_the_published_loss(vgg19_file, monkeypatch):
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = features()

        def load_state_dict(self, state):
            return super().load_state_dict(state, strict=True)

    monkeypatch.setattr(vgg_arch, "VGG_PRETRAIN_PATH", str(vgg19_file))
    monkeypatch.setattr(vgg_arch.vgg, "vgg19", lambda pretrained: Net())  # noqa: ARG005
    theirs = Published(dict(PUBLISHED_LAYERS))
    ours = PerceptualLoss(features=str(vgg19_file))
    hr = photo(64)
    images = [degraded(hr).requires_grad_() for _ in range(2)]
    actual, expected = ours(images[0], hr), theirs(images[1], hr)[0]
    actual.backward()
    expected.backward()
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(images[0].grad, images[1].grad)


def test_layers_stand_where_torchvision_has_them():
    place = {conv.name: conv.place for conv in CONVS}
    assert [place[name] for name in PUBLISHED_LAYERS] == [2, 7, 16, 25, 34]
    expected = [(i, m.in_channels, m.out_channels) for i, m in enumerate(features()) if hasattr(m, "weight")]
    assert [(conv.place, conv.in_channels, conv.out_channels) for conv in CONVS] == expected


def test_features_are_taken_before_the_relu(random_loss):
    values = random_loss.vgg(photo(32))
    assert set(values) == set(PUBLISHED_LAYERS)
    assert all((value < 0).any() for value in values.values())


def test_it_has_nothing_to_train_or_to_save_and_leaves_the_target_alone(random_loss):
    assert list(random_loss.parameters()) == []
    assert random_loss.state_dict() == {}
    sr, hr = photo(32).requires_grad_(), (photo(32) * 0.9).requires_grad_()
    random_loss(sr, hr).backward()
    assert hr.grad is None
    assert sr.grad.abs().sum() > 0
    assert not any(buffer.requires_grad for buffer in random_loss.buffers())


def test_equal_images_have_no_distance(random_loss):
    assert random_loss(photo(32), photo(32)).item() == 0


def test_only_the_layers_needed_are_built():
    loss = PerceptualLoss(features="random", layers={"conv2_2": 1.0, "conv5_4": 0.0})
    assert [conv.name for conv in loss.vgg.convs] == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    assert loss.layers == {"conv2_2": 1.0}


def test_small_images_are_refused(random_loss):
    assert random_loss(photo(16) * 0.5, photo(16)) > 0
    with pytest.raises(ValueError, match="at least 16×16 here, not 8×8"):
        random_loss(photo(8), photo(8))


def test_weights_scale_the_terms():
    single = PerceptualLoss(features="random", layers={"conv1_2": 1.0})
    double = PerceptualLoss(features="random", layers={"conv1_2": 2.0})
    sr, hr = photo(32) * 0.5, photo(32)
    assert double(sr, hr).item() == pytest.approx(2 * single(sr, hr).item())


def test_random_features_depend_on_the_seed_alone():
    torch.manual_seed(11)
    state = torch.get_rng_state()
    first = random_weights(3)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(12)
    assert all(torch.equal(tensor, first[key]) for key, tensor in random_weights(3).items())
    assert not torch.equal(random_weights(4)["features.0.weight"], first["features.0.weight"])


@pytest.mark.run
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_features_are_even_and_their_distance_is_of_the_size_of_the_images(seed):
    loss, hr = PerceptualLoss(features="random", seed=seed), photo()
    sr = degraded(hr)
    ours, theirs = loss.vgg(sr), loss.vgg(hr)
    distances = [(ours[name] - theirs[name]).abs().mean().item() for name in PUBLISHED_LAYERS]
    assert max(distances) < 3 * min(distances)
    assert 0.5 < loss(sr, hr).item() / (sr - hr).abs().mean().item() < 4


@pytest.mark.slow
def test_under_bf16_autocast_the_distance_is_float32(random_loss):
    hr = photo(64)
    sr = degraded(hr).requires_grad_()
    expected = random_loss(sr, hr)
    with torch.autocast("cpu", torch.bfloat16):
        assert random_loss.vgg(sr)["conv3_4"].dtype == torch.bfloat16
        actual = random_loss(sr, hr)
    assert actual.dtype == torch.float32
    assert actual.item() == pytest.approx(expected.item(), rel=0.02)
    actual.backward()
    assert torch.isfinite(sr.grad).all()


def test_a_safetensors_file_does_as_well(vgg19_file, tmp_path):
    path = tmp_path / "vgg19.safetensors"
    safetensors.torch.save_file(torch.load(vgg19_file), path)
    sr, hr = photo(32) * 0.5, photo(32)
    assert torch.equal(
        PerceptualLoss(features=str(path))(sr, hr), PerceptualLoss(features=str(vgg19_file))(sr, hr)
    )


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A loopback server in the place of PyTorch's, and an empty hub cache."""
    folder = tmp_path / "server"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))

    def point_to(name: str) -> None:
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        weights = type("Weights", (), {"IMAGENET1K_V1": type("Entry", (), {"url": url})})
        monkeypatch.setattr(vgg_weights, "VGG19_Weights", weights)

    yield folder, point_to
    server.shutdown()
    thread.join()
    server.server_close()


def test_imagenet_weights_are_fetched_once_and_checked(served, vgg19_file, tmp_path):
    import hashlib

    folder, point_to = served
    data = vgg19_file.read_bytes()
    name = f"vgg19-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    (folder / name).write_bytes(data)
    point_to(name)
    sr, hr = photo(32) * 0.5, photo(32)
    expected = PerceptualLoss(features=str(vgg19_file))(sr, hr)
    assert torch.equal(PerceptualLoss(features="imagenet")(sr, hr), expected)
    assert (tmp_path / "home/hub/checkpoints" / name).is_file()
    (folder / name).unlink()  # from now on the cache alone can serve it
    assert torch.equal(PerceptualLoss()(sr, hr), expected)


@pytest.mark.parametrize("present", [True, False])
def test_imagenet_weights_that_cannot_be_had_name_every_way_out(served, tmp_path, present):
    folder, point_to = served
    if present:  # but with another content than its name says
        (folder / "vgg19-00000000.pth").write_bytes(b"damaged on its way")
    point_to("vgg19-00000000.pth")
    with pytest.raises(UserError) as caught:
        PerceptualLoss(features="imagenet")
    message = str(caught.value)
    ways = ("hub/checkpoints", "features=<file>", "features=random", "loss.perceptual.weight=0")
    assert all(way in message for way in ways)
    assert "\n" not in message
    assert not list((tmp_path / "home/hub/checkpoints").iterdir())


def test_the_real_address_is_torchvisions():
    assert vgg_weights.VGG19_Weights is VGG19_Weights
    assert VGG19_Weights.IMAGENET1K_V1.url.endswith("vgg19-dcbb9e9d.pth")


def test_wrong_features_are_named(tmp_path):
    with pytest.raises(UserError, match=r"loss\.perceptual\.features=imagnet is no file; give imagenet, random"):
        PerceptualLoss(features="imagnet")
    other = tmp_path / "resnet.pth"
    torch.save({"conv1.weight": torch.rand(2)}, other)
    with pytest.raises(UserError, match=f"{other} is not torchvision's VGG19: features.0.weight is missing"):
        PerceptualLoss(features=str(other))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({"conv6_1": 1.0}, "layers.conv6_1 is no layer"),
        ({"conv1_2": -1.0}, "layers.conv1_2=-1.0: give a number from 0 on"),
        ({"conv1_2": 0.0}, "no layer a weight above 0"),
        ({}, "no layer a weight above 0"),
    ],
)
def test_wrong_layers_are_named(layers, words):
    with pytest.raises(UserError, match=words):
        PerceptualLoss(features="random", layers=layers)


def test_the_choice_builds_the_published_layers():
    cfg = OmegaConf.create(
        {"loss": {"perceptual": OmegaConf.load(CONF)}, "recipe": {"perceptual_features": "random"}}
    )
    loss = instantiate(cfg.loss.perceptual.function)
    assert loss.layers == dict(PUBLISHED_LAYERS)
    assert cfg.loss.perceptual.weight == 1.0


def test_nothing_warns(random_loss):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        random_loss(photo(32), photo(32))
