"""The published code (basicsr 1.4.2, realesrgan 0.3.0), made to run on a CPU with a recent torchvision."""

from __future__ import annotations

import importlib.util
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torchvision  # type: ignore[import-untyped]
import torchvision.transforms.functional as transforms_functional  # type: ignore[import-untyped]
from numpy.typing import NDArray
from torch import Tensor, nn

from esrgan_train.losses.perceptual import PUBLISHED_LAYERS
from esrgan_train.losses.vgg_weights import random_weights

_NEEDED = ("basicsr", "realesrgan", "addict", "lmdb", "requests", "tqdm")


def missing() -> str | None:
    """What to install before the published code can run; None if it can."""
    absent = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not absent:
        return None
    return (
        f"the published code cannot run ({', '.join(absent)} not installed), so only our own figures follow: make "
        "bench installs it, or pip install '.[dev]' && "
        "pip install --no-deps --no-build-isolation basicsr==1.4.2 realesrgan==0.3.0"
    )


def make_importable() -> None:
    """Give back the module that newer torchvision removed and basicsr imports."""
    shim = types.ModuleType("torchvision.transforms.functional_tensor")
    shim.rgb_to_grayscale = transforms_functional.rgb_to_grayscale  # type: ignore[attr-defined]
    sys.modules.setdefault(shim.__name__, shim)


class PublishedStep:
    """The published trainer's model; ``step`` is its ``optimize_parameters`` on one batch.

    Args:
        generator: weights to start from.
        discriminator: the same; None leaves the GAN stage out (the published first stage).
        generator_options: num_feat, num_conv and upscale.
        discriminator_feat: the discriminator's channels.
        perceptual_seed: of the random VGG19 weights; None leaves the perceptual loss out.
    """

    def __init__(
        self,
        *,
        generator: dict[str, Tensor],
        discriminator: dict[str, Tensor] | None,
        generator_options: dict[str, int],
        discriminator_feat: int,
        perceptual_seed: int | None,
    ) -> None:
        make_importable()
        options = _options(generator_options, discriminator_feat, gan=discriminator is not None)
        if perceptual_seed is not None:
            options["train"]["perceptual_opt"] = _PERCEPTUAL
        with _on_the_cpu(perceptual_seed):
            if discriminator is None:
                from realesrgan.models.realesrnet_model import RealESRNetModel as Model
            else:
                from realesrgan.models.realesrgan_model import RealESRGANModel as Model
            self.model: Any = Model(options)
        self.model.net_g.load_state_dict(generator)
        self.model.net_g_ema.load_state_dict(generator)
        if discriminator is not None:
            self.model.net_d.load_state_dict(discriminator)
        self.iterations = 0

    def step(self, batch: dict[str, Tensor]) -> None:
        """One iteration on lr, hr and hr_target as in this project's batches."""
        self.iterations += 1
        model = self.model
        model.lq, model.gt, model.gt_usm = batch["lr"], batch["hr"], batch["hr_target"]
        if not hasattr(model, "net_d"):
            model.gt = batch["hr_target"]  # the first stage has one target
        model.optimize_parameters(self.iterations)

    def losses(self) -> dict[str, float]:
        """Of the last step, under this project's names."""
        names = {"l_pix": "pixel", "l_g_pix": "pixel", "l_g_percep": "perceptual"}
        names |= {"l_d_real": "d_real", "l_d_fake": "d_fake"}
        return {names[name]: float(value) for name, value in self.model.log_dict.items() if name in names}


class PublishedUpscaler:
    """The published helper for pictures, in float32 and without tiles: (h, w, 3) uint8 RGB to ×4 of the same.

    Args:
        generator: weights of the compact network with 64 channels and 16 convolutions.
    """

    def __init__(self, generator: dict[str, Tensor]) -> None:
        make_importable()
        with warnings.catch_warnings(), TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            from realesrgan import RealESRGANer
            from realesrgan.archs.srvgg_arch import SRVGGNetCompact

            file = Path(folder) / "model.pth"
            torch.save({"params": generator}, file)
            network = SRVGGNetCompact(num_feat=64, num_conv=16, upscale=4)
            self.helper: Any = RealESRGANer(scale=4, model_path=str(file), model=network, half=False)

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Enlarge one picture."""
        enlarged: NDArray[np.uint8] = self.helper.enhance(picture[:, :, ::-1], outscale=4)[0][:, :, ::-1]
        return enlarged


@contextmanager
def _on_the_cpu(perceptual_seed: int | None) -> Iterator[None]:
    """While the model is built: CUDA calls do nothing, and VGG19 has this project's random weights."""

    def vgg19(pretrained: bool) -> nn.Module:  # noqa: ARG001 — the published call's argument
        network: nn.Module = torchvision.models.vgg19(weights=None, init_weights=False)
        assert perceptual_seed is not None
        network.load_state_dict(random_weights(perceptual_seed), strict=False)
        return network

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports' deprecations are not this project's to fix
        import basicsr.archs.vgg_arch

        with (
            patch.object(nn.Module, "cuda", lambda module, *_: module),
            patch.object(basicsr.archs.vgg_arch.vgg, "vgg19", vgg19),
        ):
            yield


_PERCEPTUAL: dict[str, Any] = {
    "type": "PerceptualLoss",
    "layer_weights": dict(PUBLISHED_LAYERS),
    "vgg_type": "vgg19",
    "use_input_norm": True,
    "range_norm": False,
    "perceptual_weight": 1.0,
    "style_weight": 0,
    "criterion": "l1",
}


def _options(generator_options: dict[str, int], discriminator_feat: int, *, gan: bool) -> dict[str, Any]:
    adam = {"type": "Adam", "lr": 1e-4, "betas": [0.9, 0.99], "weight_decay": 0}
    train: dict[str, Any] = {
        "ema_decay": 0.999,
        "optim_g": dict(adam),
        "scheduler": {"type": "MultiStepLR", "milestones": [400000], "gamma": 0.5},
        "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0, "reduction": "mean"},
    }
    options: dict[str, Any] = {
        "num_gpu": 0,
        "is_train": True,
        "dist": False,
        "rank": 0,
        "scale": generator_options["upscale"],
        "path": {},
        "network_g": {"type": "SRVGGNetCompact", **generator_options},
        "train": train,
    }
    if gan:
        options |= {"l1_gt_usm": True, "percep_gt_usm": True, "gan_gt_usm": False}
        options["network_d"] = {"type": "UNetDiscriminatorSN", "num_in_ch": 3, "num_feat": discriminator_feat}
        train["optim_d"] = dict(adam)
        train["gan_opt"] = {
            "type": "GANLoss",
            "gan_type": "vanilla",
            "real_label_val": 1.0,
            "fake_label_val": 0.0,
            "loss_weight": 0.1,
        }
        train |= {"net_d_iters": 1, "net_d_init_iters": 0}
    return options


@torch.no_grad()
def sharpener() -> Any:
    """The published USM as (B, 3, H, W) to the same."""
    make_importable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from basicsr.utils.img_process_util import USMSharp
    return USMSharp()
