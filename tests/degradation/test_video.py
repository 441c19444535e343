from __future__ import annotations

import hashlib
import io
import multiprocessing
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from lr_statistics import crop

from esrgan_train.degradation import video
from esrgan_train.degradation.motion import moved
from esrgan_train.degradation.planes import Layout, Planes, to_planes
from esrgan_train.degradation.video import CODECS, CODERS, LEAST_SIDE, encoder_options, recode
from esrgan_train.degradation.yuv import to_yuv

QUALITIES = {"h264": (18, 28, 38), "h265": (20, 30, 40), "vp9": (20, 40, 60), "av1": (20, 40, 60)}
QUALITIES |= dict.fromkeys(("mpeg2", "mpeg4"), (2, 8, 24))
PAIRS = [(codec, format_) for codec in CODECS for format_ in CODERS[codec].formats]


def clip(height: int = 96, width: int = 98, frames: int = 4, format_: str = "yuv420p") -> list[Planes]:
    yuv = to_yuv(np.ascontiguousarray(crop(0, 128)[:height, :width]), "bt709", full_range=False)
    layout = Layout(format_, "left")
    return [to_planes(moved(yuv, (1.5 * number, -2.25 * number)), layout) for number in range(frames)]


def through_a_file(frames: list[Planes], codec: str, format_: str, quality: int) -> list[Planes]:
    """The frames from a Matroska file that PyAV writes and reads as its documentation does."""
    file = io.BytesIO()
    height, width = frames[0][0].shape
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(CODERS[codec].encoder, Fraction(25), encoder_options(codec, quality))
        stream.width, stream.height, stream.pix_fmt = width, height, format_
        stream.codec_context.thread_count = 1
        for planes in frames:
            frame = av.VideoFrame(width, height, format_)
            for there, plane in zip(frame.planes, planes, strict=True):
                margin = ((0, 0), (0, there.line_size - plane.shape[1]))
                there.update(np.pad(plane, margin).tobytes().ljust(there.buffer_size, b"\0"))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        arrays = [frame.to_ndarray(format=format_, channel_last=False) for frame in container.decode(video=0)]
    flat = [array.ravel() for array in arrays]
    sizes = [plane.size for plane in frames[0]]
    parts = [np.split(each, np.cumsum(sizes)[:-1]) for each in flat]
    return [
        tuple(part.reshape(plane.shape) for part, plane in zip(each, frames[0], strict=True)) for each in parts
    ]


def psnr(one: list[Planes], other: list[Planes]) -> float:
    pairs = [(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)]
    errors = np.concatenate([(a.astype(float) - b).ravel() for a, b in pairs])
    return float(10 * np.log10(255**2 / np.mean(errors**2)))


@pytest.mark.parametrize(("codec", "format_"), PAIRS)
def test_frames_equal_those_of_a_file(codec: str, format_: str):
    frames, quality = clip(format_=format_), QUALITIES[codec][1]
    ours, theirs = recode(frames, codec, format_, quality), through_a_file(frames, codec, format_, quality)
    for one, other in zip(ours, theirs, strict=True):
        for plane, there in zip(one, other, strict=True):
            np.testing.assert_array_equal(plane, there)


@pytest.mark.parametrize("codec", CODECS)
def test_the_larger_its_number_the_worse_the_quality(codec: str):
    frames = clip()
    scores = [psnr(recode(frames, codec, "yuv420p", quality), frames) for quality in QUALITIES[codec]]
    assert scores[0] > 36
    assert scores[0] > scores[1] + 2 > scores[2] + 4


@pytest.mark.parametrize("codec", CODECS)
def test_frames_come_in_the_order_in_which_they_are_shown(codec: str):
    frames = clip(frames=5)
    decoded = recode(frames, codec, "yuv420p", QUALITIES[codec][0])
    for number, each in enumerate(decoded):
        closeness = [psnr([each], [frame]) for frame in frames]
        assert int(np.argmax(closeness)) == number


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [(LEAST_SIDE, LEAST_SIDE), (66, 250), (130, 70)])
def test_any_even_size_from_the_least_on(codec: str, size: tuple[int, int]):
    frames = clip(128, 128, 3)
    frames = [
        tuple(np.resize(plane, np.array(size) // (1 + (n > 0))) for n, plane in enumerate(f)) for f in frames
    ]
    shapes = [plane.shape for plane in recode(frames, codec, "yuv420p", 30)[0]]
    assert shapes == [plane.shape for plane in frames[0]]


def digest(codec: str) -> str:
    """Of all frames, in whatever process."""
    frames = recode(clip(), codec, "yuv420p", 30)
    return hashlib.sha256(b"".join(plane.tobytes() for frame in frames for plane in frame)).hexdigest()


@pytest.mark.parametrize("format_", CODERS["h264"].formats)
def test_h264_depends_on_no_memory_that_was_used_before(format_: str):
    frames, rng = clip(format_=format_), np.random.default_rng(0)
    found = set()
    for _ in range(40):  # with AVX-512 instructions about four of these differ
        freed = [rng.integers(0, 256, rng.integers(1_000, 200_000), np.uint8) for _ in range(30)]
        del freed
        shown = recode(frames, "h264", format_, 28)
        found.add(hashlib.sha256(b"".join(plane.tobytes() for frame in shown for plane in frame)).digest())
    assert len(found) == 1


@pytest.mark.parametrize(("capability", "options"), [("AVX512", {"x264-params": "asm=avx2"}), ("AVX2", {})])
def test_h264_does_without_avx_512(monkeypatch: pytest.MonkeyPatch, capability: str, options: dict[str, str]):
    monkeypatch.setattr(video, "get_cpu_capability", lambda: capability)
    assert encoder_options("h264", 23) == {"preset": "medium", "crf": "23"} | options


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_make_the_same_bytes(method: str):
    expected = [digest(codec) for codec in CODECS]  # so that the libraries have run before the processes fork
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(digest, [*CODECS, *CODECS], chunksize=6) == expected * 2


def test_encoders_say_nothing():
    use = (
        "import numpy as np; from esrgan_train.degradation.video import CODECS, recode; "
        "planes = [np.zeros((64, 64), np.uint8)] + 2 * [np.zeros((32, 32), np.uint8)]; "
        "[recode([planes] * 2, codec, 'yuv420p', 20) for codec in CODECS]"
    )
    ended = subprocess.run([sys.executable, "-c", use], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")
