"""Clips that the tests make."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

MS = Fraction(1, 1000)


def picture(number: int, size: tuple[int, int] = (64, 48)) -> NDArray[np.uint16]:
    """(h, w, 3) of all 16 bits: a gradient that moves."""
    width, height = size
    ramp = (np.indices((height, width)).sum(0) * 500 + number * 900) % 65536
    return np.stack([ramp, ramp[::-1], ramp[:, ::-1]], -1).astype(np.uint16)


def write_clip(
    path: Path, *, times: list[int], pixel_format: str = "yuv420p10le", rotation: int = 0, apart: bool = False
) -> None:
    """A clip of BT.709 in limited range, with frames at these milliseconds; ``apart``: each is coded by itself."""
    with av.open(str(path), "w") as out:
        video = _add_video(out, pixel_format, apart=apart)
        if rotation:
            video.set_display_rotation(rotation)
        for number, start in enumerate(times):
            out.mux(video.encode(_frame(number, start, pixel_format)))
        out.mux(video.encode())


def write_film(path: Path, folder: Path, *, times: list[int]) -> None:
    """The same with two tracks of sound, subtitles and chapters."""
    words = folder / "words.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:00,200\nhello\n\n2\n00:00:00,200 --> 00:00:00,400\nbye\n")
    with av.open(str(path), "w") as out, av.open(str(words)) as said:
        out.metadata["title"] = "A film"
        video = _add_video(out, "yuv420p10le")
        sounds = [out.add_stream("aac", rate=48000, layout="mono") for _ in range(2)]
        for sound, language in zip(sounds, ("eng", "deu"), strict=True):
            sound.metadata["language"] = language
        text = out.add_stream_from_template(said.streams.subtitles[0])
        one = {"id": 1, "start": 0, "end": 200, "time_base": MS, "metadata": {"title": "one"}}
        out.set_chapters([one, {**one, "id": 2, "start": 200, "end": 400, "metadata": {"title": "two"}}])
        for number, start in enumerate(times):
            out.mux(video.encode(_frame(number, start, "yuv420p10le")))
        out.mux(video.encode())
        for sound in sounds:
            for number in range(20):
                samples = np.sin(np.arange(1024, dtype=np.float32)[None] / (5 + sound.index))
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48000, number * 1024, Fraction(1, 48000)
                out.mux(sound.encode(frame))
            out.mux(sound.encode())
        for packet in said.demux():
            if packet.dts is not None:
                packet.stream = text
                out.mux(packet)


def _add_video(out: av.container.OutputContainer, pixel_format: str, *, apart: bool = False) -> av.VideoStream:
    video = out.add_stream("libx264", rate=24, options={"crf": "10", "g": "1" if apart else "6"})
    video.width, video.height, video.pix_fmt = 64, 48, pixel_format
    context = video.codec_context
    context.time_base = MS
    context.sample_aspect_ratio = Fraction(4, 3)
    context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
    return video


def _frame(number: int, start: int, pixel_format: str) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture(number), format="rgb48le")
    frame = frame.reformat(format=pixel_format, dst_colorspace=1, src_color_range=2, dst_color_range=1)
    frame.pts, frame.time_base = start, MS
    return frame
