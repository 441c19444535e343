"""What is measured of an enlarged photograph beside its HR."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from esrgan_train.metrics.image_quality import psnr_y, ssim_y
from esrgan_train.metrics.learned import LEARNED, Learned
from esrgan_train.metrics.niqe import niqe
from esrgan_train.metrics.pristine import AUTO, HOW_TO_GET, chosen_parameters, installed_parameters

Picture = NDArray[np.uint8]
# Of SR and HR, (H, W, 3) each, and the scale; None: there is nothing to say.
Measure = Callable[[Picture, Picture, int], float | None]

FLAT = 2.0  # levels of 255: HR whose local standard deviation is below is flat
FLAT_WINDOW = 7  # pixels a side in which it is taken
FLAT_PERCENT = 95
RANGE_WINDOW = 7  # pixels a side around a pixel, whose range it should not leave
OVERSHOOT_PERCENT = 99
_LEAST_FLAT = 1000  # windows; of fewer nothing is said


def sharpness(sr: Picture, hr: Picture) -> float | None:
    """The mean length of the Sobel gradient of luma, relative to that of HR: 1 is as sharp as HR.

    Noise and made-up texture raise it too: read it beside ``flatness``. None if HR has no gradient at all.

    Source: Tenengrad, after Krotkov, "Focusing", 1988, with the length itself in place of its square.
    """
    of_sr, of_hr = (float(_gradients(picture)[1:-1, 1:-1].mean()) for picture in (sr, hr))
    return of_sr / of_hr if of_hr else None


def flatness(sr: Picture, hr: Picture) -> float | None:
    """The 95th percentile, in levels of 255, of SR's local standard deviation where HR is flat (below 2 levels).

    It is taken of luma in windows of 7×7 pixels. What is invented in a sky or a wall shows here. None if less than
    1,000 windows of HR are flat.
    """
    flat = _deviation(hr) < FLAT
    if flat.sum() < _LEAST_FLAT:
        return None
    return float(np.percentile(_deviation(sr)[flat], FLAT_PERCENT))


def colour(sr: Picture, hr: Picture) -> float:
    """The largest distance between the mean of a channel and that of HR, in [0, 1]."""
    means = [picture.mean(axis=(0, 1), dtype=np.float64) for picture in (sr, hr)]
    return float(np.abs(means[0] - means[1]).max() / 255)


def overshoot(sr: Picture, hr: Picture) -> float:
    """The 99th percentile, in levels of 255, of how far SR leaves the range that HR has in 7×7 pixels, in luma.

    Halos and rings beside edges show here.
    """
    window = np.ones((RANGE_WINDOW, RANGE_WINDOW), np.uint8)
    low, high = cv2.erode(_luma(hr), window), cv2.dilate(_luma(hr), window)
    luma = _luma(sr)
    return float(np.percentile(np.maximum(luma - high, low - luma).clip(min=0), OVERSHOOT_PERCENT))


def grid(sr: Picture, hr: Picture, scale: int) -> float:
    """How much of the error, in levels of 255, repeats with every LR pixel: stripes and checkerboards.

    It is the standard deviation of the mean errors of luma at the ``scale`` × ``scale`` places in an LR pixel.
    """
    error = _luma(sr) - _luma(hr)
    means = [error[row::scale, column::scale].mean() for row in range(scale) for column in range(scale)]
    return float(np.std(means))


def all_measures() -> tuple[dict[str, Measure], list[str]]:
    """The measures that can be taken here, of pictures without their borders; and a line for each that cannot."""
    found: dict[str, Measure] = {
        "psnr_y": lambda sr, hr, _: float(psnr_y(planes(sr), planes(hr), 0)),
        "ssim_y": lambda sr, hr, _: float(ssim_y(planes(sr), planes(hr), 0)),
        "sharpness": lambda sr, hr, _: sharpness(sr, hr),
        "flatness": lambda sr, hr, _: flatness(sr, hr),
        "colour": lambda sr, hr, _: colour(sr, hr),
        "overshoot": lambda sr, hr, _: overshoot(sr, hr),
        "grid": grid,
    }
    left_out = []
    if installed_parameters() is None:
        left_out.append(f"NIQE is left out: {HOW_TO_GET}")
    else:
        found["niqe"] = _niqe()
    for learned in LEARNED:
        if learned.file.exists():
            found[learned.name] = _learned(learned)
        else:
            left_out.append(
                f"{learned.title} is left out: torch.hub's cache lacks {learned.file.name} of torchvision "
                f"({learned.size})"
            )
    return found, left_out


def _niqe() -> Measure:
    pristine = chosen_parameters(AUTO)

    def of(sr: Picture, *_: object) -> float | None:  # it takes no reference
        value = float(niqe(planes(sr) / 255, 0, pristine))
        return None if np.isnan(value) else value

    return of


def _learned(learned: Learned) -> Measure:
    mean = learned.make()

    def of(sr: Picture, hr: Picture, *_: object) -> float | None:
        if min(sr.shape[:2]) < learned.smallest:
            return None
        mean.update(planes(sr) / 255, planes(hr) / 255)
        return float(mean.compute())

    return of


def planes(picture: Picture) -> Tensor:
    """(H, W, 3) as (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]


def _luma(picture: Picture) -> NDArray[np.float64]:
    luma: NDArray[np.float64] = picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return luma


def _gradients(picture: Picture) -> NDArray[np.float64]:
    """The length of the Sobel gradient of luma at each pixel, (H, W)."""
    luma = _luma(picture)
    across, down = (cv2.Sobel(luma, cv2.CV_64F, *order) for order in ((1, 0), (0, 1)))
    return np.hypot(across, down)


def _deviation(picture: Picture) -> NDArray[np.float64]:
    """The standard deviation in each window that lies inside the picture."""
    luma, reach = _luma(picture) - 127.5, FLAT_WINDOW // 2
    mean, square = (cv2.blur(each, (FLAT_WINDOW, FLAT_WINDOW)) for each in (luma, luma**2))
    deviation: NDArray[np.float64] = np.sqrt(np.maximum(square - mean**2, 0))
    return deviation[reach:-reach, reach:-reach]
