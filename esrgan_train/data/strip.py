"""The strip: the same place of a few samples after every step of the degradation."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.training_set import Course, TrainingSample, TrainingSet
from esrgan_train.data.window import Window
from esrgan_train.degradation.words import in_words
from esrgan_train.images.crop import reduced
from esrgan_train.images.encode import shown
from esrgan_train.images.sheet import Tile, labelled_sheet, stacked
from esrgan_train.images.zoom import at_same_place, repeated
from esrgan_train.screening.detail import busiest_part
from esrgan_train.screening.luma import luma_of

_LR_SIDE = 32  # LR pixels of the place that is shown,
_HR_SIDE = 64  # and at least so many of HR
_TILE_SIDE = 256  # pixels, about
_TILES_PER_ROW = 7


def degradation_strip(training: TrainingSet, indices: Iterable[int]) -> NDArray[np.uint8]:
    """For each sample number the place with the most detail, as HR and after each step: (H, W, 3) RGB.

    Labels say what was drawn. The last picture is LR as training sees it, bit for bit: what the last step made,
    or, where that is altered or made elsewhere, a picture of its own.
    """
    return stacked([_sample_strip(training, n) for n in indices])


def _sample_strip(training: TrainingSet, n: int) -> NDArray[np.uint8]:
    sample, course, upscale = training.sample(n), training.course(n), training.options.upscale
    hr = Window(training.options.gt_size, upscale).crop(course.hr, course.corner, upscale)
    side = max(_LR_SIDE, -(-_HR_SIDE // upscale)) * upscale
    part = busiest_part(luma_of(shown(hr)), most=side, step=upscale)
    times = max(1, _TILE_SIDE // max(lines.stop - lines.start for lines in part))  # for each HR pixel
    rows, columns = (reduced(lines, upscale) for lines in part)
    tiles = [(f"HR ×{times} (LR at the end ×{times * upscale})", shown(repeated(hr[part], times)))]
    tiles += _on_the_way(course, (rows, columns), times * upscale, upscale)
    if remark := _of_lr(training, sample, course):
        tiles.append((remark, shown(repeated(sample.lr[rows, columns], times * upscale))))
    lines = [tiles[start : start + _TILES_PER_ROW] for start in range(0, len(tiles), _TILES_PER_ROW)]
    return labelled_sheet(lines, title=f"{n}  {sample.name}", label_lines=2)


def _on_the_way(course: Course, place: tuple[slice, slice], times: int, upscale: int) -> Iterable[Tile]:
    grid = course.hr.shape[0] // upscale, course.hr.shape[1] // upscale  # LR pixels of the window
    rows, columns = (slice(part.start + at, part.stop + at) for part, at in zip(place, course.corner, strict=True))
    for number, done in enumerate(course.steps, 1):
        picture = at_same_place(done.image, (rows, columns), grid, times)
        yield f"{number}  {in_words(done.step, done.before)}", shown(picture)


def _of_lr(training: TrainingSet, sample: TrainingSample, course: Course) -> str:
    """What to call LR, where it is not simply what the last step made; else nothing."""
    if sample.altered:
        return f"LR, {sample.altered}"
    if not course.steps:
        return "LR"
    if training.rendering is not None:
        return f"LR, made on {training.rendering.device.type}"
    return "" if training.options.colour == "rgb" else "LR, its luma"
