"""The data module of a run, put together from its sources and what makes LR of them."""

from __future__ import annotations

from typing import Any

import torch

from esrgan_train.data.augment.choice import Augmentations
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.device_rendering import DeviceRendering
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.real_pictures import RealPictures
from esrgan_train.data.site import Site, choose_site
from esrgan_train.data.sources import Sources
from esrgan_train.data.training_set import Degradation, Noise, TrainingSet
from esrgan_train.data.validation_set import ValidationSet
from esrgan_train.data.window import Window
from esrgan_train.degradation.batched.renderer import BatchRenderer
from esrgan_train.degradation.chain import Chain
from esrgan_train.errors import UserError


def compose(
    sources: Sources,
    options: StreamOptions,
    *,
    degradation: Degradation | None,
    target_noise: Noise | None = None,
    augmentations: Augmentations | None = None,
    trains_on: str = "cpu",
    site: Site | None = None,
    real: RealPictures | None = None,
) -> DataModule:
    """The data module over two sources; for the other arguments see ``TrainingSet``.

    Args:
        trains_on: type of the device that the run trains on, by which ``site`` is chosen if it is None.
        site: where LR is made.
        real: pictures without HR, for previews.

    Raises:
        UserError: the parts do not go together, or as ``DataModule``.
    """
    training, validation, remarks = sources
    if not training.has_photos and target_noise is not None:
        raise UserError(
            "target_noise cannot be added to data=paired, whose LR photos are used as they are: give "
            "target_noise=none, or data=folder"
        )
    if not training.has_photos and degradation is not None:
        remarks = (
            *remarks,
            "degradation has no effect with data=paired: the LR photos are used as they are: "
            "give degradation=none",
        )
    if degradation is None and (training.has_photos or validation.has_photos):
        raise UserError(
            "photos need a degradation that makes the low-resolution side: give degradation=realesrgan, light or "
            "bicubic, or data=paired for photos that come in pairs"
        )
    if site is None:
        given, noisy = training.has_pairs, target_noise is not None
        site = choose_site(degradation, trains_on=trains_on, paired=given, target_noise=noisy)
    parts: dict[str, Any] = {"degradation": degradation, "target_noise": target_noise}
    rendering = _rendering(site, options, degradation, augmentations)
    samples = TrainingSet(training, options, **parts, rendering=rendering, augmentations=augmentations)
    held_out = ValidationSet(validation, options, **parts)
    remarks = (*remarks, *training.remarks(options.scales))
    if isinstance(degradation, Chain) and training.has_photos:
        remarks = (*remarks, *degradation.remarks())
    return DataModule(samples, held_out, options, remarks=remarks, site=site, real=real)


def _rendering(
    site: Site, options: StreamOptions, degradation: Any, augmentations: Augmentations | None
) -> DeviceRendering | None:
    if site.device is None:
        return None
    side = Window(options.gt_size, options.upscale).side
    renderer = BatchRenderer(degradation, (side, side))
    device = torch.device(site.device)
    return DeviceRendering(degradation, renderer, options, device=device, augmentations=augmentations)
