"""A clip opened for reading: its frames in order, and between them the packets of its other streams."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from esrgan_train.errors import UserError
from esrgan_train.images.photo import Photo
from esrgan_train.pyav import av
from esrgan_train.video.colours import Colours, is_deep, to_rgb
from esrgan_train.video.ffmpeg import naming_clip
from esrgan_train.video.shot import Shot

if TYPE_CHECKING:
    from av import Packet, VideoFrame

log = logging.getLogger(__name__)


class Clip:
    """A clip's first video stream, decoded, and its other streams, as they are stored.

    Attributes:
        path: of the file.
        container, video, others: PyAV's; cover pictures are no video.
        colours: what the first frame states.
        deep: whether frames have more than 8 bits.
        damaged: how many frames could not be decoded so far.

    Raises:
        UserError: the file is none, or holds no video.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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

    def contents(self) -> Iterator[Shot | Packet[Any]]:
        """Frames, and the packets of the other streams between them, in the file's order."""
        streams = [self.video, *(stream for stream in self.others if stream.type != "attachment")]
        last: Photo | None = None
        missing: list[Fraction] = []
        with naming_clip(self.path, "reading"):
            for packet in self.container.demux(streams):
                if packet.stream is not self.video:
                    if packet.dts is not None:
                        yield packet
                    continue
                for frame in self._decoded(packet, missing):
                    start = (frame.pts or 0) * self._unit
                    if last is not None:
                        yield from self._repeated(last, missing, start)
                    if not frame.is_corrupt or last is None:
                        last = Photo(to_rgb(frame), None, False, None, False)
                        yield Shot(last, start)
                    else:
                        yield self._repeat(last, start)
            if last is not None:
                yield from self._repeated(last, missing, None)

    def upright(self) -> Iterator[Shot]:
        """Frames alone, turned as players show them: for pictures, which state no rotation."""
        for found in self.contents():
            if isinstance(found, Shot):
                turned = np.rot90(found.photo.rgb, round(self.rotation / 90))  # counter-clockwise
                yield replace(found, photo=replace(found.photo, rgb=np.ascontiguousarray(turned)))

    def _decoded(self, packet: Packet[Any], missing: list[Fraction]) -> Iterator[VideoFrame]:
        """The frames that a packet completes; one that cannot be decoded is noted by its time."""
        try:
            yield from packet.decode()
        except av().error.InvalidDataError:
            if packet.pts is not None:
                missing.append(Fraction(packet.pts) * self._unit)

    def _repeated(self, photo: Photo, missing: list[Fraction], before: Fraction | None) -> Iterator[Shot]:
        """What is shown instead of missing frames whose time has come; these are taken off the list."""
        due = sorted(start for start in missing if before is None or start < before)
        missing[:] = [start for start in missing if start not in due and start != before]
        yield from (self._repeat(photo, start) for start in due)

    def _repeat(self, photo: Photo, start: Fraction) -> Shot:
        self.damaged += 1
        log.warning("%s: the frame at %.3f s is damaged: the one before is shown", self.path, float(start))
        return Shot(photo, start, damaged=True)

    def _first_frame(self) -> VideoFrame:
        try:
            frame: VideoFrame | None = next(self.container.decode(self.video), None)
            self.container.seek(0)
        except av().error.FFmpegError as error:
            raise UserError(f"{self.path} cannot be decoded: {error.strerror}") from error
        if frame is None:
            raise UserError(f"{self.path} holds no frame")
        return frame


def _cover() -> int:
    return int(av().stream.Disposition.attached_pic)
