"""Clips enlarged several pictures at a time, and how many pictures are in memory at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.images.photo import Photo
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.video import job
from esrgan_train.video.enlarger import gathered
from esrgan_train.video.job import Job
from esrgan_train.video.shot import Shot
from esrgan_train.video.writer import Encoding
from tests.video.clips import write_clip, write_film
from tests.video.test_clip_runs import UNEVEN, frames_of, packets_of, times_of

Enlarge = Callable[..., int]
CPU = torch.device("cpu")


def upscaler() -> Upscaler:
    torch.manual_seed(0)
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2).eval()
    return Upscaler(network, device=CPU, precision="32", tile=None)


def run(source: Path, target: Path, *, batch: int) -> None:
    made = Job([str(source)], target, Encoding(codec="ffv1"), None, "png", None, batch)
    made.check()
    made.run(upscaler())


@pytest.mark.parametrize("batch", [3, 8])
def test_a_film_is_the_same_bit_for_bit(tmp_path: Path, batch: int) -> None:
    source, one, other = tmp_path / "in.mkv", tmp_path / "one.mkv", tmp_path / "other.mkv"
    write_film(source, tmp_path, times=UNEVEN)
    run(source, one, batch=1)
    run(source, other, batch=batch)
    assert times_of(other) == times_of(one) == times_of(source)
    for kind in ("video", "audio", "subtitle"):
        assert packets_of(other, kind) == packets_of(one, kind) != []


def test_damaged_frames_are_repeated_across_batches(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_clip(source, times=UNEVEN, pixel_format="yuv420p", apart=True)
    with av.open(str(source)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    data = source.read_bytes()
    for packet in packets[2:4]:
        data = data.replace(packet, bytes(len(packet)))
    source.write_bytes(data)
    run(source, target, batch=2)
    assert "2 of them are damaged" in caplog.text
    frames = frames_of(target, "yuv420p")
    assert times_of(target) == [Fraction(start, 1000) for start in UNEVEN]
    assert np.array_equal(frames[1], frames[2])
    assert np.array_equal(frames[1], frames[3])
    assert not np.array_equal(frames[3], frames[4])


def shots(count: int) -> Iterator[Shot]:
    for number in range(count):
        rgb = np.full((6, 8, 3), number % 256, np.uint8)
        yield Shot(Photo(rgb, None, False, None, False), Fraction(number, 25))


def test_gathering_keeps_the_order_and_counts_pictures_alone() -> None:
    first, second, third = shots(3)
    again = Shot(first.photo, Fraction(1), damaged=True)
    contents: list[Any] = ["sound", first, again, "sound", second, third, "sound"]
    assert list(gathered(iter(contents), lambda _: 2)) == [contents[:5], contents[5:]]
    assert list(gathered(iter(["sound"]), lambda _: 2)) == [["sound"]]


class Alive:
    """Counts pictures that something still holds."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def watched(self, contents: Iterator[Any]) -> Iterator[Any]:
        for found in contents:
            self.now += 1
            self.most = max(self.most, self.now)
            weakref.finalize(found.photo.rgb, self._gone)
            yield found
            del found

    def _gone(self) -> None:
        self.now -= 1


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("target", ["out.mkv", "pictures"])
def test_no_more_pictures_are_in_memory_however_long_the_clip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, target: str
) -> None:
    most = {}
    for count in (24, 120):
        alive = Alive()
        monkeypatch.setattr(job, "numbered", lambda *_, a=alive, n=count: a.watched(shots(n)))
        (tmp_path / "in.png").write_bytes(b"")
        encoding = Encoding(codec="ffv1") if target == "out.mkv" else Encoding()
        Job([str(tmp_path / "in.png")], tmp_path / target, encoding, None, "png", None, batch).run(upscaler())
        assert alive.now == 0
        most[count] = alive.most
    assert max(most.values()) <= 4 * batch + 2  # read, waiting, enlarged, written; and the last one
