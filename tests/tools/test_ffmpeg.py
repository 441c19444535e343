"""Frames of the step codec against ffmpeg's own command line, and its memory over many clips."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from esrgan_train.degradation.planes import Planes
from esrgan_train.degradation.video import CODECS, CODERS, encoder_options, recode

pytestmark = pytest.mark.tools

HEIGHT, WIDTH, FRAMES = 96, 128, 4
LEAST_PSNR = 35  # between two versions of an encoder, whose decisions differ


def clip() -> list[Planes]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    grain = np.random.default_rng(0).normal(0, 4, (HEIGHT, WIDTH))
    frames = []
    for number in range(FRAMES):
        moving = 128 + 60 * np.sin((columns + 3 * number) / 7) * np.cos((rows - 2 * number) / 5)
        luma = (moving + np.roll(grain, (number, number), (0, 1))).clip(16, 235)
        blue = 128 + 40 * np.sin((columns + 3 * number) / 25)
        chroma = [each[::2, ::2].astype(np.uint8) for each in (blue, 255 - blue)]
        frames.append((luma.astype(np.uint8), *chroma))
    return frames


def raw(frames: list[Planes]) -> np.ndarray:
    return np.concatenate([plane.ravel() for frame in frames for plane in frame])


@pytest.mark.parametrize("codec", CODECS)
def test_frames_are_those_of_the_command_line(codec: str, tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("apt-get install ffmpeg")
    encoder, quality = CODERS[codec].encoder, 5 if codec.startswith("mpeg") else 30
    options = [word for name, value in encoder_options(codec, quality).items() for word in (f"-{name}", value)]
    options = [word.replace("-b", "-b:v") if word == "-b" else word for word in options]
    given = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", "25", "-i", "in.yuv"]
    (tmp_path / "in.yuv").write_bytes(raw(clip()).tobytes())
    for words in (
        [*given, "-c:v", encoder, *options, "-threads", "1", "clip.mkv"],
        ["-i", "clip.mkv", "-f", "rawvideo", "-pix_fmt", "yuv420p", "out.yuv"],
    ):
        command = ["ffmpeg", "-v", "error", "-y", *words]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
    theirs = np.frombuffer((tmp_path / "out.yuv").read_bytes(), dtype=np.uint8)
    ours = raw(recode(clip(), codec, "yuv420p", quality))
    error = np.mean((ours.astype(float) - theirs) ** 2)
    assert error == 0 or 10 * np.log10(255**2 / error) > LEAST_PSNR


@pytest.mark.parametrize("codec", CODECS)
def test_a_thousand_clips_keep_no_memory(codec: str) -> None:
    frames = clip()
    for _ in range(50):
        recode(frames, codec, "yuv420p", 30)
    before = held()
    for _ in range(1000):
        recode(frames, codec, "yuv420p", 30)
    assert held() - before < 8 << 20


def held() -> int:
    """Bytes of this process's memory."""
    pages = re.split(r"\s+", Path("/proc/self/statm").read_text())[1]
    return int(pages) * resource.getpagesize()
