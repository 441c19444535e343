"""An enlarged clip, encoded, with the other streams of the one it comes from."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from esrgan_train.errors import UserError
from esrgan_train.images.photo import Photo
from esrgan_train.pyav import av
from esrgan_train.video.clip import Clip
from esrgan_train.video.colours import Colours, from_rgb, stated
from esrgan_train.video.container import held
from esrgan_train.video.ffmpeg import naming_clip
from esrgan_train.video.shot import Shot

if TYPE_CHECKING:
    from av import Packet

log = logging.getLogger(__name__)

# At these values an expert looking for it sees no loss in most material; files are larger than a stream's.
_QUALITY = {"libx264": 16, "libx265": 18, "libvpx-vp9": 20, "libsvtav1": 20, "libaom-av1": 20}
_ENCODERS = "libx264, libx265, libsvtav1, libvpx-vp9 or ffv1"
_EXTRA = {"libx265": {"x265-params": "log-level=error"}, "libvpx-vp9": {"b": "0", "row-mt": "1"}}
_SUBSAMPLED = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "410": (4, 4), "411": (4, 1)}  # width, height
_KEPT = ("language", "title", "handler_name")  # of the tags of a stream; others describe its old encoding
_UNSTATED = Colours(primaries=2, trc=2, matrix=2, range=1)


@dataclass(frozen=True)
class Encoding:
    """How a clip is encoded.

    Attributes:
        codec: FFmpeg's name of an encoder; None takes H.264 for 8 bits, H.265 for more, AV1 in WebM.
        crf: its constant quality, lower is better; None takes a value at which a loss is hardly seen.
        pixel_format: FFmpeg's name; None keeps the clip's if the encoder takes it.
    """

    codec: str | None = None
    crf: int | None = None
    pixel_format: str | None = None

    def encoder(self, path: Path, *, deep: bool) -> str:
        """The encoder's name.

        Raises:
            UserError: there is none of that name.
        """
        name = self.codec or ("libsvtav1" if path.suffix.lower() == ".webm" else "libx265" if deep else "libx264")
        try:
            kind = av().Codec(name, "w").type
        except ValueError as error:  # PyAV's class of unknown codecs
            raise UserError(f"--codec {name} is no encoder here: give {_ENCODERS}") from error
        if kind != "video":
            raise UserError(f"--codec {name} encodes no video: give {_ENCODERS}")
        return name

    def format_for(self, encoder: str, source: str | None, size: tuple[int, int], *, deep: bool) -> str:
        """The pixel format of the enlarged clip of ``size`` (width, height).

        Raises:
            UserError: the encoder does not take the one asked for.
        """
        taken = [one.name for one in av().Codec(encoder, "w").video_formats or ()]
        if self.pixel_format is not None:
            if self.pixel_format not in taken:
                raise UserError(f"--pix-fmt {self.pixel_format}: {encoder} takes {', '.join(taken)}")
            return self.pixel_format
        depth = "10le" if deep else ""
        wanted = [source, f"yuv420p{depth}", f"yuv444p{depth}", *taken]
        fitting = [one for one in wanted if one in taken and _holds(one, size)]
        if not fitting:
            raise UserError(f"{encoder} takes no clip of {size[0]} × {size[1]} pixels: give another --codec")
        return str(fitting[0])

    def options(self, encoder: str) -> dict[str, str]:
        """The encoder's, as FFmpeg's command line takes them."""
        quality = self.crf if self.crf is not None else _QUALITY.get(encoder)
        return {**({} if quality is None else {"crf": str(quality)}), **_EXTRA.get(encoder, {})}


_LONGEST_DELAY = 2**40  # between decoding a frame and showing it, in any unit: more is no time at all


def with_decoding_times(packets: list[Any]) -> list[Any]:
    """The last packets of an encoder; x265 leaves the decoding times of a clip of one or two frames unset."""
    for packet in packets:
        if None not in (packet.pts, packet.dts) and not 0 <= packet.pts - packet.dts < _LONGEST_DELAY:
            packet.dts = packet.pts
    return packets


class ClipWriter:
    """Encodes pictures into a file, and takes packets of other streams.

    Args:
        path: of the file; its suffix says the container.
        like: the clip whose other streams, chapters, tags, colours, aspect ratio and rotation are kept; None for
            pictures that come from elsewhere.
        rate: frames per second, on average.
        base: the unit of times in seconds; None takes the clip's, or one frame's time.
    """

    def __init__(
        self,
        path: Path,
        shown_as: Path,
        encoding: Encoding,
        *,
        like: Clip | None,
        rate: Fraction,
        base: Fraction | None = None,
    ) -> None:
        self.path, self.encoding, self.like, self.rate = shown_as, encoding, like, rate
        try:
            self.container = av().open(str(path), "w")
        except (ValueError, OSError, av().error.FFmpegError) as error:
            raise UserError(f"{shown_as} cannot be written as a clip: {error}") from error
        self.video: Any = None
        self.copied: dict[int, Any] = {}
        self._times: dict[int, int] = {}  # of the last packet of each, in its stream's unit
        self._time_base = Fraction(like.video.time_base) if like is not None else base or 1 / rate

    def __enter__(self) -> ClipWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with naming_clip(self.path, "writing"):
            if kind is None and self.video is not None:
                self.container.mux(with_decoding_times(self.video.encode()))
            self.container.close()

    def begin(self, size: tuple[int, int], *, deep: bool) -> None:
        """Set up the streams, before anything is enlarged; ``size`` is the enlarged width and height.

        Raises:
            UserError: the encoder or the container takes no such clip.
        """
        like = self.like
        encoder = self.encoding.encoder(self.path, deep=deep)
        source = None if like is None else like.pixel_format
        self.pixel_format = self.encoding.format_for(encoder, source, size, deep=deep)
        try:
            self.video = self.container.add_stream(encoder, rate=self.rate, options=self.encoding.options(encoder))
        except (ValueError, av().error.FFmpegError) as error:
            raise UserError(f"{self.path}: {self.path.suffix} holds no {encoder}; give .mkv") from error
        context = self.video.codec_context
        context.width, context.height, context.pix_fmt = *size, self.pixel_format
        context.time_base = self.video.time_base = self._time_base
        self.colours = _UNSTATED if like is None else stated(like.colours, like.height)
        self.colours.tag(context)
        if like is not None:
            if like.video.sample_aspect_ratio:
                context.sample_aspect_ratio = like.video.sample_aspect_ratio
            self._keep(like)
        try:
            self.container.start_encoding()
        except av().error.FFmpegError as error:
            raise UserError(
                f"{self.path}: {self.path.suffix} takes no {encoder} of {size[0]} × {size[1]} pixels: give .mkv, "
                "or another --codec"
            ) from error

    def write(self, photo: Photo, shot: Shot) -> None:
        """Encode an enlarged picture, shown when ``shot`` was."""
        if photo.alpha is not None:
            raise UserError(f"{self.path} holds no transparency: give .apng, .webp or .gif with -o")
        height = photo.rgb.shape[0] if self.like is None else self.like.height
        frame = from_rgb(photo.rgb, self.pixel_format, self.colours, source_height=height)
        frame.time_base = self._time_base
        frame.pts = round(shot.start / self._time_base)
        with naming_clip(self.path, "encoding"):
            self.container.mux(self.video.encode(frame))

    def copy(self, packet: Packet[Any]) -> None:
        """Take a packet of another stream as it is; of one that the container does not hold, nothing."""
        stream = self.copied.get(packet.stream.index)
        last = self._times.get(packet.stream.index)
        if stream is None or packet.dts is None or (last is not None and packet.dts < last):
            return  # times that go back, as between joined parts, are of what was played already
        self._times[packet.stream.index] = packet.dts
        packet.stream = stream
        with naming_clip(self.path, "writing"):
            self.container.mux(packet)

    def _keep(self, like: Clip) -> None:
        """Set up what is copied."""
        self.container.metadata.update({k: v for k, v in like.container.metadata.items() if k != "ENCODER"})
        self.video.metadata.update({k: v for k, v in like.video.metadata.items() if k.lower() in _KEPT})
        self.video.disposition = like.video.disposition
        if like.rotation:
            self.video.set_display_rotation(like.rotation)
        kept = held(self.path.name, like.others)
        for stream in like.others:
            if stream not in kept:
                known = stream.codec_context is not None
                what = f"{stream.type} ({stream.codec_context.name})" if known else stream.type
                better = "" if self.path.suffix.lower() == ".mkv" else "; .mkv holds more"
                log.warning("%s holds no %s: left out%s", self.path, what, better)
                continue
            copied = self.container.add_stream_from_template(stream)
            copied.metadata.update(stream.metadata)
            copied.disposition = stream.disposition
            self.copied[stream.index] = copied
        if chapters := like.container.chapters():
            self.container.set_chapters(chapters)


def _holds(pixel_format: str, size: tuple[int, int]) -> bool:
    """Whether a pixel format's colours fit into a size: those of 4:2:0 need even sides."""
    width, height = next((step for name, step in _SUBSAMPLED.items() if name in pixel_format), (1, 1))
    return pixel_format.startswith(("yuv", "gbr", "gray", "rgb", "bgr")) and not (
        size[0] % width or size[1] % height
    )
