"""A video codec: the picture as a frame of a short clip, encoded and decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.chroma_sampling import PIXEL_FORMATS, SITINGS, PixelFormat, Siting
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.motion import Shift, Speeds, draw_motion, moved
from esrgan_train.degradation.odds import pick, settle_odds
from esrgan_train.degradation.planes import Layout, from_planes, pad, to_planes
from esrgan_train.degradation.ranges import Range
from esrgan_train.degradation.video import CODECS, CODERS, LEAST_SIDE, CodecName, recode
from esrgan_train.degradation.yuv import MATRICES, Matrix, from_yuv, to_yuv
from esrgan_train.errors import UserError

Factors = Range[Annotated[int, Ge(0), Le(51)]]  # CRF of x264 and x265
Quantisers = Range[Annotated[int, Ge(1), Le(31)]]
WideFactors = Range[Annotated[int, Ge(1), Le(63)]]  # CRF of VP9 and AV1


@dataclass(frozen=True)
class Coding(HostStep):
    """A clip in which the picture moves steadily, and the frame in which it is where it was."""

    codec: CodecName
    quality: int  # see `video.recode`
    matrix: Matrix
    full_range: bool
    layout: Layout
    nearest_chroma: bool  # of the decoder
    frames: int
    shown: int  # from 0
    motion: Shift  # from frame to frame

    def in_words(self) -> str:
        """Codec, quality and frames, such as ``h264 crf 31, frame 2 of 3``."""
        scale = "crf" if "crf" in CODERS[self.codec].quality else "quantiser"
        return f"{self.codec} {scale} {self.quality}, frame {self.shown + 1} of {self.frames}"

    def render(self, image: Image) -> Image:
        """Encode all frames and decode the one that is shown; clamped to [0,1]."""
        yuv = to_yuv(pad(image, LEAST_SIDE), self.matrix, full_range=self.full_range)
        clip = [to_planes(moved(yuv, self._shift(number)), self.layout) for number in range(self.frames)]
        planes = recode(clip, self.codec, self.layout.format, self.quality)[self.shown]
        decoded = from_planes(planes, self.layout, nearest=self.nearest_chroma)[: image.shape[0], : image.shape[1]]
        return from_yuv(decoded, self.matrix, full_range=self.full_range)

    def _shift(self, number: int) -> Shift:
        return (number - self.shown) * self.motion[0], (number - self.shown) * self.motion[1]


@dataclass(frozen=True, kw_only=True)
class Codec(StepChoice):
    """One of the codecs, at a quality from its own range.

    Raises:
        UserError: PyAV is missing, or a codec with odds takes none of the formats with odds.
    """

    codecs: Mapping[CodecName, float] = field(default_factory=lambda: dict.fromkeys(CODECS, 1.0))  # odds
    h264_crf: Factors
    h265_crf: Factors
    mpeg2_quantiser: Quantisers
    mpeg4_quantiser: Quantisers
    vp9_crf: WideFactors
    av1_crf: WideFactors
    frames: Range[Annotated[int, Ge(1), Le(16)]] = (1, 3)
    motion: Speeds = (0.0, 4.0)  # pixels a frame, in any direction
    formats: Mapping[PixelFormat, float] = field(default_factory=lambda: {"yuv420p": 1.0})  # odds, as the next two
    matrices: Mapping[Matrix, float] = field(default_factory=lambda: dict.fromkeys(MATRICES, 1.0))
    sitings: Mapping[Siting, float] = field(default_factory=lambda: {"left": 1.0})
    full_range_prob: Fraction = 0.0  # luma from 16 to 235 otherwise
    nearest_chroma_prob: Fraction = 0.0  # chroma is interpolated otherwise

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_odds(self, codecs=CODECS, formats=PIXEL_FORMATS, matrices=MATRICES, sitings=SITINGS)
        if find_spec("av") is None:
            raise UserError("degradation/steps=codec needs PyAV: pip install 'esrgan-train[video]'")
        for codec in (name for name, odds in self.codecs.items() if odds):
            if not any(self._formats(codec).values()):
                known = ", ".join(CODERS[codec].formats)
                raise UserError(f"formats: {codec} takes {known} alone; give it one of them, or codecs.{codec}=0")

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Coding:  # noqa: ARG002
        """One codec and its settings."""
        codec = pick(self.codecs, rng)
        frames = int(rng.integers(*self.frames, endpoint=True))
        return Coding(
            codec=codec,
            quality=int(rng.integers(*self._qualities(codec), endpoint=True)),
            matrix=pick(self.matrices, rng),
            full_range=bool(rng.random() < self.full_range_prob),
            layout=Layout(pick(self._formats(codec), rng), pick(self.sitings, rng)),
            nearest_chroma=bool(rng.random() < self.nearest_chroma_prob),
            frames=frames,
            shown=int(rng.integers(frames)),
            motion=draw_motion(self.motion, rng),
        )

    def _formats(self, codec: CodecName) -> dict[PixelFormat, float]:
        return {name: odds for name, odds in self.formats.items() if name in CODERS[codec].formats}

    def _qualities(self, codec: CodecName) -> tuple[int, int]:
        ranges = {
            "h264": self.h264_crf,
            "h265": self.h265_crf,
            "mpeg2": self.mpeg2_quantiser,
            "mpeg4": self.mpeg4_quantiser,
            "vp9": self.vp9_crf,
            "av1": self.av1_crf,
        }
        return ranges[codec]
