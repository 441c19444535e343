"""Augmentation of a batch on the device that made it."""

from __future__ import annotations

from collections.abc import Sequence

from esrgan_train.data.augment.choice import Augmentations
from esrgan_train.data.augment.pair import Pair


def augment_batch(images: Pair, numbers: Sequence[int], augmentations: Augmentations) -> Pair:
    """Alter the samples of a batch as workers alter each; does not wait for the device.

    Args:
        images: those of the samples, followed by those of the partners of the samples that take one, in order:
            (B + P, C, H, W) each. They are changed.
        numbers: of the samples, on the host.
        augmentations: of the stream.

    Shape:
        (B, C, H, W) each.
    """
    count = len(numbers)
    own = Pair(*(image[:count] for image in images))
    shared = images.hr_target is images.hr
    partners = iter(range(count, len(images.lr)))
    for row, n in enumerate(numbers):
        if (drawn := augmentations.draw(n)) is None:
            continue
        partner = _alone(images, next(partners)) if drawn.augmentation.takes_partner else None
        altered = drawn(_alone(images, row), partner)
        for image, new in zip(own[: 2 if shared else 3], altered, strict=False):
            image[row] = new
    return own._replace(hr_target=own.hr) if shared else own


def _alone(images: Pair, row: int) -> Pair:
    """One sample as its worker would hold it."""
    lr, hr = images.lr[row].contiguous(), images.hr[row].contiguous()
    return Pair(lr, hr, hr if images.hr_target is images.hr else images.hr_target[row].contiguous())
