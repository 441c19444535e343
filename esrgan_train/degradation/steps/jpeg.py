"""Storing as a JPEG file, once or several times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.bounds import Fraction, NonNegative
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep, Jpeg, Place
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.jpeg import SUBSAMPLINGS, Subsampling, compress_jpeg
from esrgan_train.degradation.kernel_choice import draw_index
from esrgan_train.degradation.ranges import Qualities, Range, check_odds

_BLOCK = 8  # pixels


@dataclass(frozen=True)
class JpegFile:
    """One JPEG file of an image."""

    quality: int
    subsampling: Subsampling
    nearest_chroma: bool  # of the decoder, which repeats chroma samples instead of interpolating them; 4:2:0 alone
    shift: tuple[int, int] = (0, 0)  # rows and columns by which the image lies off the file's blocks


@dataclass(frozen=True)
class JpegFiles(HostStep):
    """JPEG files that were made one of the other."""

    files: tuple[JpegFile, ...]

    def render(self, image: Image) -> Image:
        """Encode and decode in turn; clamped to [0,1] and rounded to 8 bits each time."""
        for file in self.files:
            (y, x), before = file.shift, image.shape
            padded = np.pad(image, ((y, 0), (x, 0), (0, 0)), mode="edge") if y or x else image
            stored = compress_jpeg(
                padded, file.quality, subsampling=file.subsampling, nearest_chroma=file.nearest_chroma
            )
            image = stored[y:, x:]
            assert image.shape == before
        return np.ascontiguousarray(image)


@dataclass(frozen=True, kw_only=True)
class StoreJpeg(StepChoice):
    """JPEG files of drawn qualities and chroma; several in a row as when a picture is stored again and again."""

    quality: Qualities = (30, 95)
    yuv420_odds: NonNegative = 1.0  # relative weights of chroma at half size, at half width and at full size
    yuv422_odds: NonNegative = 0.0
    yuv444_odds: NonNegative = 0.0
    times: Range[Annotated[int, Ge(1), Le(8)]] = (1, 1)  # stored one after the other, all numbers equally likely
    shift_prob: Fraction = 0.0  # of each file after the first: that the image was cropped before, off the blocks
    # Of a decoder that repeats chroma samples of 4:2:0; most programs that open files interpolate them.
    nearest_chroma_prob: Fraction = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_odds(yuv420_odds=self.yuv420_odds, yuv422_odds=self.yuv422_odds, yuv444_odds=self.yuv444_odds)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Jpeg | JpegFiles:  # noqa: ARG002
        """The files; the one kind that the training device renders too, where no other can be drawn."""
        times = int(rng.integers(*self.times, endpoint=True))
        files = tuple(self._draw_file(rng, first=number == 0) for number in range(times))
        if self._is_plain:
            return Jpeg(files[0].quality, files[0].nearest_chroma)
        return JpegFiles(files)

    def place(self, most: Canvas) -> Place | None:
        """Files of 4:2:0 that are stored once; others on the CPU alone."""
        return Place(Jpeg, *most.now) if self._is_plain else None

    @property
    def _is_plain(self) -> bool:
        return self.times[1] == 1 and not self.yuv422_odds and not self.yuv444_odds

    def _draw_file(self, rng: np.random.Generator, *, first: bool) -> JpegFile:
        quality = int(rng.integers(*self.quality, endpoint=True))
        odds = [self.yuv420_odds, self.yuv422_odds, self.yuv444_odds]
        subsampling = SUBSAMPLINGS[draw_index(rng, odds)]
        nearest = bool(rng.random() < self.nearest_chroma_prob) and subsampling == "4:2:0"
        shifted = rng.random() < self.shift_prob
        y, x = (int(each) for each in rng.integers(_BLOCK, size=2))
        return JpegFile(quality, subsampling, nearest, (y, x) if shifted and not first else (0, 0))
