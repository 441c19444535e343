"""Losses that were fitted to people's judgement: LPIPS and DISTS, as torchmetrics has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from unittest.mock import patch

from torch import Tensor, nn
from torchmetrics.functional.image import dists, lpips
from torchvision.models import AlexNet_Weights, VGG16_Weights, vgg16  # type: ignore[import-untyped]

from esrgan_train.bounds import Wanted, bounded
from esrgan_train.downloads import FAILURES, fetch_into_hub, hub_file
from esrgan_train.errors import UserError, given_as
from esrgan_train.modelfiles.finite import check_finite
from esrgan_train.modelfiles.tensor_files import read_safetensors, read_torch

Features = Annotated[str, Wanted("imagenet, or a file of torchvision's weights")]

_URLS = {"alex": str(AlexNet_Weights.IMAGENET1K_V1.url), "vgg": str(VGG16_Weights.IMAGENET1K_V1.url)}
_CONV = re.compile(r"(?:slice|stage)\d+\.(?P<place>\d+)\.(?P<kind>weight|bias)")


class LPIPSLoss(nn.Module):
    """The mean LPIPS of the images, in float32; its weights are no part of checkpoints.

    Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018.

    Args:
        net: ``vgg``, which the authors advise for training, or ``alex``, which they advise for measuring.
        features: ``imagenet`` (torchvision's VGG16 or AlexNet) or the path of such a state dict.

    Shape:
        two (B, 3, H, W), RGB, or (B, 1, H, W), gray, around [0, 1], H and W at least 32 → float32 scalar.
    """

    @bounded
    def __init__(self, *, net: Literal["vgg", "alex"] = "vgg", features: Features = "imagenet") -> None:
        super().__init__()
        network = lpips._NoTrainLpips(net=net, pnet_rand=True)
        _fill(network.net, "lpips", features, _URLS[net])
        _make_buffers(network)
        self.network = network

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        distances: Tensor = self.network(_in_rgb(sr), _in_rgb(hr), normalize=True)
        return distances.mean()


class DISTSLoss(nn.Module):
    """The mean DISTS of the images, in float32: of textures more than of pixels.

    Source: Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity", TPAMI 2022.

    Args:
        features: ``imagenet`` (torchvision's VGG16) or the path of such a state dict.

    Shape:
        two (B, 3, H, W), RGB, or (B, 1, H, W), gray, around [0, 1], H and W at least 32 → float32 scalar.
    """

    @bounded
    def __init__(self, *, features: Features = "imagenet") -> None:
        super().__init__()
        with patch.object(dists, "vgg16", lambda weights: vgg16()):  # noqa: ARG005 — it would fetch them itself
            network = dists.DISTSNetwork()
        _fill(network, "dists", features, _URLS["vgg"])
        _make_buffers(network)
        self.network = network

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        distances: Tensor = self.network(_in_rgb(sr), _in_rgb(hr), require_grad=True)
        return distances.mean()


def _in_rgb(images: Tensor) -> Tensor:
    """(B, 3, H, W) float32; one channel is gray and repeated."""
    return images.float().expand(-1, 3, -1, -1)


def _fill(network: nn.Module, term: str, features: str, url: str) -> None:
    """Give the network's convolutions torchvision's weights."""
    option = f"loss.{term}.function.features={features}"
    content = _read(option, features, url)
    for name, tensor in network.state_dict().items():
        if (match := _CONV.fullmatch(name)) is None:
            continue
        key = f"features.{match['place']}.{match['kind']}"
        given = content.get(key)
        if not isinstance(given, Tensor) or given.shape != tensor.shape:
            raise UserError(
                f"{option} is not torchvision's {url.rpartition('/')[2]}: {key} is missing or of another shape; "
                f"give that model's state dict, or leave out loss/terms={term}"
            )
        check_finite({key: given}, option)
        tensor.copy_(given)


def _read(option: str, features: str, url: str) -> Mapping[str, object]:
    with given_as(f"{option}: "):
        if features == "imagenet":
            try:
                return read_torch(fetch_into_hub(url))
            except FAILURES as error:
                raise UserError(
                    f"{url} cannot be fetched ({error}); put that file into {hub_file(url).parent}, or give it "
                    f"with {option.partition('=')[0]}=<file>"
                ) from error
        file = Path(features).expanduser()
        if not file.is_file():
            raise UserError("there is no such file; give imagenet or a file of torchvision's weights")
        return read_safetensors(file)[0] if file.suffix.lower() == ".safetensors" else read_torch(file)


def _make_buffers(network: nn.Module) -> None:
    """Make every parameter a buffer that no optimizer sees and no checkpoint stores."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, parameter.detach(), persistent=False)
        for name, buffer in list(module.named_buffers(recurse=False)):
            module.register_buffer(name, buffer, persistent=False)
