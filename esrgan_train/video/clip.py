"""A clip opened for reading: its frames in order, and between them the packets of its other streams."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from esrgan_train.errors import RunError, UserError
from esrgan_train.images.photo import Photo
from esrgan_train.pyav import av
from esrgan_train.video.colours import Colours, alpha_of, is_deep, to_rgb
from esrgan_train.video.deinterlacing import Deinterlacer
from esrgan_train.video.ffmpeg import naming_clip
from esrgan_train.video.shot import Shot

if TYPE_CHECKING:
    from av import Packet, VideoFrame

log = logging.getLogger(__name__)

_OVERLAP = 1  # seconds by which times may go back; joined parts overlap by a few frames
_STEP = Fraction(1, 1000)  # seconds by which they go on, which any container tells apart


class Clip:
    """A clip's first video stream, decoded, and its other streams, as they are stored.

    Args:
        deinterlace: whether interlaced frames are made whole.

    Attributes:
        path: of the file.
        container, video, others: PyAV's; cover pictures are no video.
        colours: what the first frame states.
        deep: whether frames have more than 8 bits.
        has_alpha: whether its pixels state transparency.
        damaged: how many frames could not be decoded so far.

    Raises:
        UserError: the file is none, or holds no video.
    """

    def __init__(self, path: Path, *, deinterlace: bool = False) -> None:
        self.path = path
        self._deinterlacer = Deinterlacer() if deinterlace else None
        self._last: Shot | None = None
        self._went_back = False
        try:
            self.container = av().open(str(path))
        except (av().error.FFmpegError, OSError) as error:
            raise UserError(f"{path} cannot be read as a clip: {error.strerror}") from error
        streams = self.container.streams
        videos = [stream for stream in streams.video if not int(stream.disposition) & int(_cover())]
        if not videos:
            raise UserError(f"{path} holds no video")
        self.video = videos[0]
        self.video.thread_type = "SLICE"  # with a thread for each frame, errors are not told of their frame
        self._unit = Fraction(self.video.time_base)  # of its times, in seconds
        known = ("audio", "subtitle", "attachment", "data")
        self.others = [stream for stream in streams if stream.type in known]
        self.damaged = 0
        first = self._first_frame()
        self.colours, self.deep = Colours.of(first), is_deep(first.format)
        self.has_alpha = any(component.is_alpha for component in first.format.components)
        self.pixel_format, self.rotation = first.format.name, first.rotation
        self.width, self.height, self.interlaced = first.width, first.height, first.interlaced_frame

    def __enter__(self) -> Clip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    @property
    def rate(self) -> Fraction:
        """Frames per second: the average, where they differ."""
        return Fraction(self.video.average_rate or self.video.guessed_rate or 25)

    @property
    def frames(self) -> int | None:
        """How many there are, as far as the file says it."""
        if self.video.frames:
            return int(self.video.frames)
        duration = self.container.duration  # in microseconds
        return None if not duration else round(duration / 1e6 * float(self.rate))

    def contents(self, *, transparent: bool = False) -> Iterator[Shot | Packet[Any]]:
        """Frames, and the packets of the other streams between them, in the file's order.

        Args:
            transparent: whether photos hold the clip's transparency.

        Raises:
            RunError: FFmpeg cannot go on, or times go back by more than a second.
        """
        streams = [self.video, *(stream for stream in self.others if stream.type != "attachment")]
        photo_of = _with_alpha if transparent and self.has_alpha else _opaque
        self._last = None
        missing: list[Fraction] = []
        with naming_clip(self.path, "reading"):
            for packet in self.container.demux(streams):
                if packet.stream is not self.video:
                    if packet.dts is not None:
                        yield packet
                    continue
                frames = self._decoded(packet, missing)
                if self._deinterlacer is not None:
                    frames = self._deinterlacer(frames, self._unit)
                yield from self._shots(frames, missing, photo_of)
            if self._deinterlacer is not None:
                yield from self._shots(self._deinterlacer.rest(), missing, photo_of)
            yield from self._repeated(missing, None)

    def upright(self) -> Iterator[Shot]:
        """Frames alone, turned as players show them: for pictures, which state no rotation."""
        turns = round(self.rotation / 90)  # counter-clockwise
        for found in self.contents(transparent=True):
            if isinstance(found, Shot):
                yield replace(found, photo=_turned(found.photo, turns))

    def _shots(
        self, frames: Iterator[VideoFrame], missing: list[Fraction], photo_of: Callable[[VideoFrame], Photo]
    ) -> Iterator[Shot]:
        for frame in frames:
            start = self._time_of(frame)
            yield from self._repeated(missing, start)
            if frame.is_corrupt and self._last is not None:
                yield self._repeat(self._last.photo, start)
            else:
                yield self._next(photo_of(frame), start)

    def _time_of(self, frame: VideoFrame) -> Fraction:
        """When it is shown, in seconds; a frame whose time the file does not say comes after the one before."""
        if frame.pts is not None:
            return frame.pts * Fraction(frame.time_base or self._unit)
        return Fraction(0) if self._last is None else self._last.start + 1 / self.rate

    def _next(self, photo: Photo, start: Fraction, *, damaged: bool = False) -> Shot:
        """The shot after the last one: where times go back, as between parts that were joined, directly after."""
        if self._last is not None and start <= self._last.start:
            before = float(self._last.start)
            if self._last.start - start > _OVERLAP:
                raise RunError(
                    f"{self.path}: times go back from {before:.3f} s to {float(start):.3f} s: write it again, by "
                    "ffmpeg -fflags +genpts -i CLIP -c copy NEW.mkv"
                )
            if not self._went_back:
                log.warning("%s: times go back at %.3f s: those frames follow at once", self.path, before)
            self._went_back, start = True, self._last.start + max(self._unit, _STEP)
        self._last = Shot(photo, start, damaged=damaged)
        return self._last

    def _decoded(self, packet: Packet[Any], missing: list[Fraction]) -> Iterator[VideoFrame]:
        """The frames that a packet completes; one that cannot be decoded is noted by its time."""
        try:
            yield from packet.decode()
        except av().error.InvalidDataError:
            if packet.pts is not None:
                missing.append(Fraction(packet.pts) * self._unit)

    def _repeated(self, missing: list[Fraction], before: Fraction | None) -> Iterator[Shot]:
        """What is shown instead of missing frames whose time has come; these are taken off the list."""
        if self._last is None:
            return
        due = sorted(start for start in missing if before is None or start < before)
        missing[:] = [start for start in missing if start not in due and start != before]
        yield from (self._repeat(self._last.photo, start) for start in due)

    def _repeat(self, photo: Photo, start: Fraction) -> Shot:
        self.damaged += 1
        log.warning("%s: the frame at %.3f s is damaged: the one before is shown", self.path, float(start))
        return self._next(photo, start, damaged=True)

    def _first_frame(self) -> VideoFrame:
        """The first that can be decoded; then the clip is wound back."""
        error: Exception | None = None
        try:
            for packet in self.container.demux(self.video):
                try:
                    frame = next(iter(packet.decode()), None)
                except av().error.InvalidDataError as one:
                    error = error or one
                    continue
                if frame is not None:
                    self.container.seek(0)
                    return cast("VideoFrame", frame)
        except av().error.FFmpegError as one:
            error = one
        if error is not None:
            raise UserError(f"{self.path} cannot be decoded: {error.strerror}") from error  # type: ignore[attr-defined]
        raise UserError(f"{self.path} holds no frame")


def _opaque(frame: VideoFrame) -> Photo:
    return Photo(to_rgb(frame), None, False, None, False)


def _with_alpha(frame: VideoFrame) -> Photo:
    return Photo(to_rgb(frame), alpha_of(frame), False, None, False)


def _turned(photo: Photo, turns: int) -> Photo:
    rgb = np.ascontiguousarray(np.rot90(photo.rgb, turns))
    alpha = None if photo.alpha is None else np.ascontiguousarray(np.rot90(photo.alpha, turns))
    return replace(photo, rgb=rgb, alpha=alpha)


def _cover() -> int:
    return int(av().stream.Disposition.attached_pic)
