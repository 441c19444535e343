"""Encoding a few frames by a video codec, in memory, and decoding them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from torch.backends.cpu import get_cpu_capability

from esrgan_train.degradation.chroma_sampling import PIXEL_FORMATS, PixelFormat
from esrgan_train.degradation.planes import Plane, Planes
from esrgan_train.pyav import av

if TYPE_CHECKING:
    from av import VideoCodecContext, VideoFrame
    from av.video.plane import VideoPlane

CodecName = Literal["h264", "h265", "mpeg2", "mpeg4", "vp9", "av1"]
CODECS: tuple[CodecName, ...] = get_args(CodecName)

# Below it x265 writes past the end of its own memory where frames refer to each other, and SVT-AV1 refuses.
LEAST_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class Coder:
    """FFmpeg's encoder and decoder of a codec, with options that make them run in one thread."""

    encoder: str
    decoder: str
    formats: tuple[PixelFormat, ...]
    quality: Mapping[str, str] = field(default_factory=lambda: {"crf": "{}"})  # options that hold its quality
    options: Mapping[str, str] = field(default_factory=dict)


# One quantiser and one Lagrange multiplier for all frames, whatever the rate, as -qscale:v of ffmpeg has.
_QUANTISER = {"qmin": "{}", "qmax": "{}", "lmin": "{}*QP2LAMBDA", "lmax": "{}*QP2LAMBDA"}
_B_FRAMES = {"bf": "2"}  # up to two between others
CODERS: Mapping[CodecName, Coder] = {
    "h264": Coder(encoder="libx264", decoder="h264", formats=PIXEL_FORMATS, options={"preset": "medium"}),
    "h265": Coder(
        encoder="libx265",
        decoder="hevc",
        formats=PIXEL_FORMATS,
        options={"preset": "ultrafast", "x265-params": "pools=none:frame-threads=1:log-level=none"},
    ),
    "mpeg2": Coder(
        encoder="mpeg2video",
        decoder="mpeg2video",
        formats=("yuv420p", "yuv422p"),
        quality=_QUANTISER,
        options=_B_FRAMES,
    ),
    "mpeg4": Coder(
        encoder="mpeg4",
        decoder="mpeg4",
        formats=("yuv420p",),
        quality=_QUANTISER,
        options=_B_FRAMES,
    ),
    "vp9": Coder(
        encoder="libvpx-vp9",
        decoder="vp9",
        formats=PIXEL_FORMATS,
        options={"deadline": "realtime", "cpu-used": "8", "b": "0"},
    ),
    "av1": Coder(
        encoder="libsvtav1",
        decoder="libdav1d",
        formats=("yuv420p",),
        options={"preset": "12", "svtav1-params": "lp=1:pred-struct=1"},
    ),
}

# With AVX-512 x264 reads memory that it has not written: one clip in ten or so comes out otherwise. AVX2 computes
# what a processor without either computes.
_REPEATABLE = {"x264-params": "asm=avx2"}


def recode(frames: Sequence[Planes], codec: CodecName, format_: PixelFormat, quality: int) -> list[Planes]:
    """The frames as a decoder shows them; the same bytes each time.

    Args:
        frames: of one even size of at least ``LEAST_SIDE`` pixels a side, at 25 a second.
        codec: the codec.
        format_: one of the codec's, which the planes have.
        quality: CRF of h264, h265, vp9 and av1; the quantiser of mpeg2 and mpeg4. The larger, the worse.
    """
    coder = CODERS[codec]
    context = _encoder(codec, frames[0][0].shape, format_, quality)
    packets = []
    for number, planes in enumerate(frames):
        packets += context.encode(_to_frame(planes, format_, number))
    packets += context.encode(None)
    decoder: VideoCodecContext = av().CodecContext.create(coder.decoder, "r")
    decoder.thread_count = 1
    if context.extradata:
        decoder.extradata = context.extradata
    shown = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
    assert len(shown) == len(frames), (codec, format_, quality, len(frames), len(shown))
    return [_from_frame(frame) for frame in shown]


def encoder_options(codec: CodecName, quality: int) -> dict[str, str]:
    """The encoder's options, as the command line of ffmpeg takes them with a ``-`` before."""
    coder = CODERS[codec]
    options = {**coder.options, **{name: value.format(quality) for name, value in coder.quality.items()}}
    return options | _REPEATABLE if codec == "h264" and get_cpu_capability().startswith("AVX512") else options


def _encoder(codec: CodecName, size: tuple[int, ...], format_: PixelFormat, quality: int) -> VideoCodecContext:
    context: VideoCodecContext = av().CodecContext.create(CODERS[codec].encoder, "w")
    context.height, context.width = size
    context.pix_fmt = format_
    context.framerate = Fraction(25)
    context.time_base = 1 / context.framerate
    context.thread_count = 1
    context.options = encoder_options(codec, quality)
    return context


def _to_frame(planes: Planes, format_: PixelFormat, number: int) -> VideoFrame:
    height, width = planes[0].shape
    frame: VideoFrame = av().VideoFrame(width, height, format_)
    frame.pts = number
    for there, plane in zip(frame.planes, planes, strict=True):
        _pixels(there)[...] = plane
    return frame


def _from_frame(frame: VideoFrame) -> Planes:
    luma, blue, red = (_pixels(plane).copy() for plane in frame.planes)
    return luma, blue, red


def _pixels(plane: VideoPlane) -> Plane:
    """A view into a plane, whose lines are longer in memory."""
    lines: Plane = np.frombuffer(memoryview(plane), dtype=np.uint8)[: plane.line_size * plane.height]
    return lines.reshape(plane.height, plane.line_size)[:, : plane.width]
