"""Weights for the VGG19 features: of ImageNet, from a file, or random."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import VGG19_Weights  # type: ignore[import-untyped]

from esrgan_train.downloads import FAILURES, fetch_into_hub, hub_file
from esrgan_train.errors import UserError, given_as
from esrgan_train.losses.vgg import CONVS
from esrgan_train.modelfiles.finite import check_finite
from esrgan_train.modelfiles.tensor_files import read_safetensors, read_torch

RANDOM_GAIN = 0.09  # the demo's GAN stage: perceptual and pixel term alike at a weight of 1


def random_weights(seed: int) -> dict[str, Tensor]:
    """Draw He-normal weights and zero biases; the global random state is not touched.

    He's scale keeps the features' distances about equal from layer to layer. ``RANDOM_GAIN``, on the first
    convolution, scales every feature: the loss is about as large as the L1 distance of the images themselves. At
    the size of the ImageNet loss, some fifty times that, random features overrule the pixel loss and leave
    stripes and checkerboards.

    Source: Liu et al., "Generic Perceptual Loss for Modeling Structured Output Dependencies", CVPR 2021.
    """
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for conv in CONVS:
        weight = torch.empty(conv.out_channels, conv.in_channels, 3, 3)
        scale = math.sqrt(2 / (conv.in_channels * 9)) * (RANDOM_GAIN if conv.place == 0 else 1)
        weights[f"features.{conv.place}.weight"] = weight.normal_(0, scale, generator=generator)
        weights[f"features.{conv.place}.bias"] = torch.zeros(conv.out_channels)
    return weights


def imagenet_weights() -> dict[str, Tensor]:
    """Return torchvision's ImageNet weights from torch.hub's cache, fetched into it if necessary (548 MB).

    Raises:
        UserError: they are not in the cache and cannot be fetched; the message names every way out.
    """
    try:
        file = fetch_into_hub(imagenet_url())
    except FAILURES as error:
        raise cannot_be_fetched(error) from error
    with given_as("loss.perceptual.features=imagenet: "):
        return file_weights(file)


def imagenet_url() -> str:
    """Where torchvision's VGG19 is fetched from."""
    return str(VGG19_Weights.IMAGENET1K_V1.url)


def imagenet_file() -> Path:
    """Where torch.hub keeps torchvision's VGG19."""
    return hub_file(imagenet_url())


def cannot_be_fetched(error: BaseException) -> UserError:
    """Every way out without the network."""
    return UserError(
        f"loss.perceptual.features=imagenet: {imagenet_url()} cannot be fetched ({error}); put that file into "
        f"{imagenet_file().parent}, or give loss.perceptual.features=<file>, loss.perceptual.features=random or "
        "loss.perceptual.weight=0"
    )


def file_weights(file: Path) -> dict[str, Tensor]:
    """Read torchvision's VGG19 from a ``.pth`` or ``.safetensors`` file; only its ``features.*`` are needed.

    Raises:
        UserError: the file cannot be read, or holds another network or NaN.
    """
    content = read_safetensors(file)[0] if file.suffix.lower() == ".safetensors" else read_torch(file)
    weights = {}
    for conv in CONVS:
        shape = (conv.out_channels, conv.in_channels, 3, 3)
        for name, expected in (("weight", shape), ("bias", shape[:1])):
            key = f"features.{conv.place}.{name}"
            tensor = content.get(key)
            if not isinstance(tensor, Tensor) or tensor.shape != expected:
                raise UserError(
                    f"{file} is not torchvision's VGG19: {key} is missing or of another shape; give that "
                    "model's state dict, or loss.perceptual.features=random"
                )
            weights[key] = tensor
    check_finite(weights, f"loss.perceptual.features={file}")
    return weights
