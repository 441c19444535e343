"""Frames of a clip as RGB, and back, by the matrix and range that the clip states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.pyav import av

if TYPE_CHECKING:
    from av import VideoFrame

_UNSTATED = 2  # in ITU-T H.273, which numbers primaries, transfer functions and matrices
_BT709, _BT601 = 1, 6
_LIMITED, _FULL = 1, 2  # FFmpeg's numbers of ranges; 0 is not stated
_HD = 720  # lines from which players take BT.709 where a clip states no matrix
_SCALERS = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # the matrix's number in H.273 → swscale's
_RGB = 0  # in H.273: not coded by a matrix
_NAMES = {1: "BT.709", 2: "not stated", 4: "FCC", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 9: "BT.2020"}
_TRANSFERS = {14: "BT.2020", 15: "BT.2020", 16: "PQ", 18: "HLG"}


@dataclass(frozen=True)
class Colours:
    """What a clip states of its colours, in the numbers of ITU-T H.273 (``range``: in FFmpeg's)."""

    primaries: int
    trc: int
    matrix: int
    range: int

    @classmethod
    def of(cls, frame: VideoFrame) -> Colours:
        """What a decoded frame states."""
        return cls(int(frame.color_primaries), int(frame.color_trc), int(frame.colorspace), int(frame.color_range))

    def in_words(self, height: int) -> str:
        """What is stated, and of the matrix what is taken where none is; ``height`` in lines."""
        primaries, trc = (_NAMES.get(each, f"number {each}") for each in (self.primaries, self.trc))
        matrix = "RGB" if self.matrix == _RGB else _NAMES[stated(self, height).matrix]
        trc = _TRANSFERS.get(self.trc, trc)
        return f"matrix {matrix}, {'full' if self.range == _FULL else 'limited'} range, {primaries} / {trc}"

    def tag(self, target: Any) -> None:
        """State the same of a frame or an encoder."""
        target.color_primaries, target.color_trc = self.primaries, self.trc
        target.colorspace, target.color_range = self.matrix, self.range


def to_rgb(frame: VideoFrame) -> NDArray[Any]:
    """(h, w, 3) uint8 of a frame of 8 bits, uint16 over the whole range of a deeper one."""
    deep = is_deep(frame.format)
    if frame.format.is_rgb and not deep:
        return frame.to_ndarray(format="rgb24")
    made = frame.reformat(
        format="rgb48le" if deep else "rgb24",
        src_colorspace=_scaler(Colours.of(frame).matrix, frame.height),
        src_color_range=_FULL if _is_full(frame) else _LIMITED,
        dst_color_range=_FULL,
        interpolation=_accurate(),
    )
    return made.to_ndarray()


def alpha_of(frame: VideoFrame) -> NDArray[Any]:
    """(h, w) uint8 or uint16, as the colours of the same frame: its transparency; 0 is clear."""
    format = "rgba64le" if is_deep(frame.format) else "rgba"
    return np.ascontiguousarray(frame.to_ndarray(format=format)[:, :, 3])


def from_rgb(rgb: NDArray[Any], pixel_format: str, colours: Colours, *, source_height: int) -> VideoFrame:
    """A frame of that pixel format, which states these colours.

    Args:
        rgb: (h, w, 3) uint8 or uint16.
        source_height: lines of the clip that the colours come from: where no matrix is stated, they tell it.
    """
    made = av().VideoFrame.from_ndarray(
        np.ascontiguousarray(rgb), format="rgb48le" if rgb.dtype == np.uint16 else "rgb24"
    )
    full = colours.range == _FULL or pixel_format.startswith("yuvj")
    frame: VideoFrame = made.reformat(
        format=pixel_format,
        dst_colorspace=_scaler(colours.matrix, source_height),
        src_color_range=_FULL,
        dst_color_range=_FULL if full else _LIMITED,
        interpolation=_accurate(),
    )
    colours.tag(frame)
    return frame


def stated(colours: Colours, height: int) -> Colours:
    """The same, with the matrix that was assumed stated: an enlarged clip would be taken for another one."""
    if colours.matrix != _UNSTATED and colours.matrix != _RGB:
        return colours
    return Colours(colours.primaries, colours.trc, _assumed(height), colours.range)


def hdr_of(colours: Colours) -> str | None:
    """The name of an HDR transfer function; None for another one."""
    return {16: "PQ", 18: "HLG"}.get(colours.trc)


def is_deep(pixel_format: Any) -> bool:
    """Whether a format of FFmpeg has more than 8 bits a channel."""
    return any(component.bits > 8 for component in pixel_format.components)


def _is_full(frame: VideoFrame) -> bool:
    return int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj")


def _assumed(height: int) -> int:
    return _BT709 if height >= _HD else _BT601


def _scaler(matrix: int, height: int) -> int:
    return _SCALERS.get(matrix, _SCALERS[_assumed(height)])


def _accurate() -> int:
    kinds = av().video.reformatter.Interpolation
    return int(kinds.BICUBIC | kinds.ACCURATE_RND | kinds.FULL_CHR_H_INT | kinds.FULL_CHR_H_INP | kinds.BITEXACT)
