"""Clips through the command, looked at with FFmpeg's own tools and with PyAV."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from esrgan_train.errors import UserError
from tests.video.clips import write_clip, write_film

UNEVEN = [0, 70, 100, 130, 200, 230, 260, 330]  # milliseconds
Enlarge = Callable[..., int]


def frames_of(path: Path, pixel_format: str) -> list[NDArray[Any]]:
    """Decoded, as RGB by BT.709 or as the planes themselves."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=pixel_format) for frame in container.decode(video=0)]


def times_of(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def packets_of(path: Path, kind: str) -> list[tuple[int, bytes]]:
    """The times and contents of the packets of all streams of a kind."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        return [(packet.pts, bytes(packet)) for packet in container.demux(streams) if packet.dts is not None]


def test_a_film_keeps_all_but_its_size(tmp_path: Path, enlarge: Enlarge):
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_film(source, tmp_path, times=UNEVEN)
    assert enlarge(source, target) == 0
    assert times_of(target) == times_of(source)
    for kind in ("audio", "subtitle"):
        assert packets_of(target, kind) == packets_of(source, kind) != []
    with av.open(str(source)) as one, av.open(str(target)) as other:
        (given,), (made,) = one.streams.video, other.streams.video
        assert (made.width, made.height) == (2 * given.width, 2 * given.height)
        assert made.format.name == "yuv420p10le"
        assert made.sample_aspect_ratio == Fraction(4, 3)
        for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
            assert getattr(made.codec_context, name) == getattr(given.codec_context, name) == 1
        assert [stream.language for stream in other.streams.audio] == ["eng", "deu"]
        named = [[(c["start"], c["end"], c["metadata"]) for c in each.chapters()] for each in (one, other)]
        assert named[0] == named[1]
        assert len(named[0]) == 2
        assert other.metadata["title"] == "A film"


def test_its_frames_are_those_of_extracted_pictures_enlarged(tmp_path: Path, enlarge: Enlarge):
    source, target, folder = tmp_path / "in.mkv", tmp_path / "out.mkv", tmp_path / "enlarged"
    write_clip(source, times=UNEVEN, pixel_format="yuv444p10le")
    assert enlarge(source, target, "--codec", "ffv1", "--pix-fmt", "yuv444p10le") == 0
    (tmp_path / "frames").mkdir()
    with av.open(str(source)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            accurate = av.video.reformatter.Interpolation
            rgb = frame.to_ndarray(
                format="rgb48le", dst_color_range=2, interpolation=accurate.BICUBIC | accurate.ACCURATE_RND
            )
            cv2.imwrite(str(tmp_path / "frames" / f"{number:03d}.png"), rgb[:, :, ::-1])
    assert enlarge(tmp_path / "frames", folder) == 0
    expected = [cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[:, :, ::-1] for file in sorted(folder.iterdir())]
    found = frames_of(target, "rgb48le")
    assert len(found) == len(expected) == len(UNEVEN)
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one.astype(int) - other).max() < 3 * 64  # of 65535: a level of ten bits, rounded twice


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le"])
def test_rotation_depth_and_chroma_are_kept(tmp_path: Path, enlarge: Enlarge, pixel_format: str):
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    write_clip(source, times=UNEVEN, pixel_format=pixel_format, rotation=90)
    assert enlarge(source, target) == 0
    with av.open(str(source)) as one, av.open(str(target)) as other:
        frames = [next(container.decode(video=0)) for container in (one, other)]
        assert frames[0].rotation == frames[1].rotation
        assert abs(frames[0].rotation) == 90
        assert frames[1].format.name == pixel_format
        assert other.streams.video[0].codec_context.name == ("h264" if pixel_format == "yuv420p" else "hevc")
    assert times_of(target) == times_of(source)


def test_colours_do_not_drift(tmp_path: Path, enlarge: Enlarge):
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_clip(source, times=[0, 40, 80], pixel_format="yuv444p10le")
    assert enlarge(source, target, "--crf", "0") == 0
    given, made = frames_of(source, "rgb24")[1], frames_of(target, "rgb24")[1]
    reduced = cv2.resize(made, (64, 48), interpolation=cv2.INTER_AREA)
    inner = np.s_[4:-4, 4:-4]
    assert np.abs(reduced[inner].mean((0, 1)) - given[inner].mean((0, 1))).max() < 1


def test_a_damaged_frame_is_repeated_and_told(tmp_path: Path, enlarge: Enlarge, caplog: pytest.LogCaptureFixture):
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_clip(source, times=UNEVEN, pixel_format="yuv420p", apart=True)
    with av.open(str(source)) as container:
        third = [bytes(packet) for packet in container.demux(video=0) if packet.size][2]
    data = source.read_bytes()
    at = data.index(third)
    source.write_bytes(data[:at] + bytes(len(third)) + data[at + len(third) :])
    assert enlarge(source, target, "--codec", "ffv1") == 0
    assert "the frame at 0.100 s is damaged: the one before is shown" in caplog.text
    assert times_of(target) == [Fraction(start, 1000) for start in UNEVEN]
    frames = frames_of(target, "yuv420p")
    assert np.array_equal(frames[2], frames[1])
    assert not np.array_equal(frames[3], frames[1])


def test_pictures_become_a_clip_and_a_clip_pictures(tmp_path: Path, enlarge: Enlarge):
    source, folder, target = tmp_path / "in.mkv", tmp_path / "pictures", tmp_path / "out.mp4"
    write_clip(source, times=[0, 40, 80, 120], pixel_format="yuv420p")
    assert enlarge(source, folder) == 0
    names = [file.name for file in sorted(folder.iterdir())]
    assert names == [f"{number:06d}.png" for number in (1, 2, 3, 4)]
    assert enlarge(folder, target, "--fps", 25) == 0
    assert times_of(target) == [Fraction(number, 25) for number in range(4)]
    cv2.imwrite(str(folder / "000005.png"), np.zeros((5, 7, 3), np.uint8))
    with pytest.raises(UserError, match=r"000005\.png has 7 × 5 pixels, and .*000001\.png 128 × 96"):
        enlarge(folder, target)
    assert len(times_of(target)) == 4  # the one before stays


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg: apt-get install ffmpeg")
@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_pictures_of_a_rotated_clip_are_upright_as_ffmpeg_extracts_them(
    tmp_path: Path, enlarge: Enlarge, rotation: int
):
    source, folder = tmp_path / "in.mp4", tmp_path / "pictures"
    write_clip(source, times=[0, 40], pixel_format="yuv444p", rotation=rotation)
    assert enlarge(source, folder) == 0
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, tmp_path / "%d.png"], check=True)
    ours, theirs = cv2.imread(str(folder / "000001.png")), cv2.imread(str(tmp_path / "1.png"))
    assert (
        np.abs(ours[::2, ::2].astype(int) - theirs).max() <= 3
    )  # of the conversion to RGB, which rounds otherwise


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in.mkv", "-o", "in.mkv"], "in.mkv would be overwritten"),
        (["in.mkv", "-o", "out.mkv", "--codec", "libx266"], "--codec libx266 is no encoder here"),
        (["in.mkv", "-o", "out.mkv", "--codec", "aac"], "--codec aac encodes no video"),
        (["in.mkv", "-o", "out.mkv", "--pix-fmt", "yuv1"], "--pix-fmt yuv1: libx264 takes yuv420p"),
        (["in.mkv", "-o", "out.mkv", "--fps", "25"], "--fps 25 has no effect"),
        (["in.mkv", "-o", "out", "--crf", "20"], "--codec, --crf and --pix-fmt have no effect on out"),
        (["in.mkv", "in.mkv", "-o", "out.mkv"], "give one clip at a time"),
        (["in.mkv", "-o", "out.mkv", "--self-check"], "--self-check has no effect on clips"),
        (["text.mkv", "-o", "out.mkv"], "text.mkv cannot be read as a clip"),
        (["photo.png", "-o", "out", "--crf", "20"], "--crf 20 has no effect without a clip"),
        (["photo.png", "-o", "out", "--batch", "2"], "--batch 2 has no effect without a clip"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
):
    from esrgan_train import upscale

    monkeypatch.chdir(tmp_path)
    write_clip(Path("in.mkv"), times=[0], pixel_format="yuv420p")
    Path("text.mkv").write_text("no clip")
    cv2.imwrite("photo.png", np.zeros((5, 7, 3), np.uint8))
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UserError) as error:
        upscale.main([*arguments, "--model", str(model)])
    assert words in str(error.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.slow
def test_control_c_leaves_no_file(tmp_path: Path, model: Path):
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_clip(source, times=[40 * number for number in range(3000)], pixel_format="yuv420p")
    command = [sys.executable, "-m", "esrgan_train.upscale", source, "-o", target, "--model", model]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".out.*.partial.mkv")):
        time.sleep(0.05)
        assert process.poll() is None, process.stderr
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert "none is written" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe: apt-get install ffmpeg")
def test_ffprobe_finds_the_same_streams(tmp_path: Path, enlarge: Enlarge):
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_film(source, tmp_path, times=UNEVEN)
    assert enlarge(source, target) == 0
    found = []
    for path in (source, target):
        command = ["ffprobe", "-v", "error", "-show_streams", "-show_chapters", "-of", "json", str(path)]
        said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        kept = ("codec_type", "pix_fmt", "sample_aspect_ratio", "color_range", "color_space", "color_primaries")
        streams = [{name: stream.get(name) for name in kept} for stream in said["streams"]]
        found.append((streams, [chapter["tags"] for chapter in said["chapters"]]))
    assert found[0] == found[1]
