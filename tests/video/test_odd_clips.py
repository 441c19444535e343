"""Clips as people have them: interlaced, HDR, transparent, joined from parts, with fonts, damaged at once."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.errors import RunError, UserError
from esrgan_train.images.photo import Photo
from esrgan_train.video.shot import Shot
from esrgan_train.video.sinks import AnimationWriter
from esrgan_train.video.writer import with_decoding_times
from tests.video.clips import MS, picture, write_clip, write_film
from tests.video.test_clip_runs import UNEVEN, frames_of, packets_of, times_of

Enlarge = Callable[..., int]
FONT = b"\x00\x01\x00\x00 a font, as far as a container knows"


def with_font(source: Path, target: Path) -> None:
    """A copy of a film that carries a font."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        copies = {stream.index: out.add_stream_from_template(stream) for stream in given.streams}
        out.add_attachment("a.ttf", "application/x-truetype-font", FONT)
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                out.mux(packet)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".m2ts"])
def test_a_font_is_kept_where_it_has_a_place_and_spoils_no_other_container(
    tmp_path: Path, enlarge: Enlarge, caplog: pytest.LogCaptureFixture, suffix: str
) -> None:
    plain, source, target = tmp_path / "plain.mkv", tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    write_film(plain, tmp_path, times=UNEVEN)
    with_font(plain, source)
    assert enlarge(source, target) == 0
    assert ("holds no attachment" in caplog.text) == (suffix != ".mkv")
    assert packets_of(target, "audio")
    with av.open(str(target)) as made:
        kinds = [stream.type for stream in made.streams]
    assert kinds.count("audio") == 2
    assert ("attachment" in kinds) == (suffix == ".mkv")


def write_interlaced(path: Path) -> list[NDArray[np.uint8]]:
    """A bar that moves with each field, the lower one first; the whole pictures of the lower fields."""
    moments = []
    for number in range(12):
        image = np.full((96, 128, 3), 40, np.uint8)
        image[:, 10 + 6 * number : 40 + 6 * number] = 200
        moments.append(cv2.GaussianBlur(image, (0, 0), 2))
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"crf": "1", "x264-params": "bff=1"})
        video.width, video.height, video.pix_fmt = 128, 96, "yuv444p"
        for number in range(6):
            woven = moments[2 * number].copy()
            woven[::2] = moments[2 * number + 1][::2]
            frame = av.VideoFrame.from_ndarray(woven, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
    return moments[::2]


def test_an_interlaced_clip_is_told_and_made_whole_where_asked(
    tmp_path: Path, enlarge: Enlarge, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "in.mkv"
    truth = write_interlaced(source)
    errors = []
    for folder, more in (("combed", []), ("whole", ["--deinterlace"])):
        caplog.clear()
        assert enlarge(source, tmp_path / folder, *more) == 0
        files = sorted((tmp_path / folder).iterdir())
        assert len(files) == len(truth)
        made = [cv2.imread(str(file))[::2, ::2].astype(int) for file in files]
        errors.append(max(np.abs(one - real).mean() for one, real in zip(made[1:-1], truth[1:-1], strict=True)))
        assert ("is interlaced: give --deinterlace" in caplog.text) == (not more)
    assert errors[1] < 1 < errors[0] / 4
    target = tmp_path / "out.mkv"
    assert enlarge(source, target, "--deinterlace") == 0
    assert times_of(target) == times_of(source)
    write_clip(tmp_path / "film.mkv", times=[0], pixel_format="yuv420p")
    assert enlarge(tmp_path / "film.mkv", target, "--deinterlace") == 0
    assert "film.mkv says that it is not interlaced" in caplog.text


@pytest.mark.parametrize(("number", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_told_and_stays(
    tmp_path: Path, enlarge: Enlarge, caplog: pytest.LogCaptureFixture, number: int, name: str
) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx265", rate=25, options={"x265-params": "log-level=error"})
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p10le"
        video.codec_context.color_trc, video.codec_context.colorspace = number, 9
        video.codec_context.color_primaries = 9
        frame = av.VideoFrame.from_ndarray(picture(0, (64, 64)), format="rgb48le").reformat(format="yuv420p10le")
        frame.color_trc, frame.colorspace, frame.color_primaries = number, 9, 9
        for frame.pts in range(8):
            out.mux(video.encode(frame))
        out.mux(video.encode())
    assert enlarge(source, target) == 0
    assert f"is HDR ({name}): so is the enlarged clip" in caplog.text
    with av.open(str(target)) as made:
        found = next(made.decode(video=0))
    assert (found.color_trc, found.colorspace, found.color_primaries) == (number, 9, 9)
    caplog.clear()
    assert enlarge(source, tmp_path / "pictures") == 0
    assert f"is HDR ({name}): pictures of it look flat" in caplog.text


def test_transparency_is_kept_in_pictures_and_told_of_clips(
    tmp_path: Path, enlarge: Enlarge, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "in.mov"
    rgba = np.full((12, 16, 4), 200, np.uint8)
    rgba[:, :8, 3] = 0
    with av.open(str(source), "w") as out:
        video = out.add_stream("png", rate=25)
        video.width, video.height, video.pix_fmt = 16, 12, "rgba"
        frame = av.VideoFrame.from_ndarray(rgba, format="rgba")
        out.mux([*video.encode(frame), *video.encode()])
    assert enlarge(source, tmp_path / "pictures") == 0
    with Image.open(tmp_path / "pictures/000001.png") as image:
        alpha = np.array(image.convert("RGBA"))[..., 3]
    assert (alpha[:, :16] == 0).all()
    assert (alpha[:, 16:] == 200).all()
    assert "transparent" not in caplog.text
    assert enlarge(source, tmp_path / "out.mov") == 0
    assert "in.mov is transparent, and the enlarged clip is not" in caplog.text


def write_part(path: Path, size: tuple[int, int], start: int) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25, options={"crf": "1", "bf": "0"})
        (video.width, video.height), video.pix_fmt = size, "yuv420p"
        for number in range(5):
            frame = av.VideoFrame.from_ndarray((picture(number, size) >> 8).astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = start + 40 * number, MS
            out.mux(video.encode(frame))
        out.mux(video.encode())


def join(target: Path, *parts: Path) -> None:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))


def test_parts_that_overlap_or_differ_in_size_make_one_clip(
    tmp_path: Path, enlarge: Enlarge, caplog: pytest.LogCaptureFixture
) -> None:
    one, other, source, target = (tmp_path / name for name in ("1.ts", "2.ts", "in.ts", "out.mkv"))
    write_part(one, (64, 48), 0)
    write_part(other, (48, 36), 120)  # its first frames are shown at the times of the last ones before
    join(source, one, other)
    assert enlarge(source, target) == 0
    times = times_of(target)
    assert len(times) == 10
    assert all(after > before for before, after in pairwise(times))
    assert {frame.shape for frame in frames_of(target, "rgb24")} == {(96, 128, 3)}
    assert "times go back at" in caplog.text
    assert "in.ts changes to 48 × 36: brought to the size it began with" in caplog.text
    assert enlarge(source, tmp_path / "pictures") == 0  # these have each its own size
    with Image.open(tmp_path / "pictures/000010.png") as last:
        assert last.size == (96, 72)


def test_times_that_start_again_are_refused(tmp_path: Path, enlarge: Enlarge) -> None:
    one, other, source = (tmp_path / name for name in ("1.ts", "2.ts", "in.ts"))
    write_part(one, (64, 48), 3000)
    write_part(other, (64, 48), 0)
    join(source, one, other)
    with pytest.raises(RunError, match=r"in\.ts: times go back from .* write it again"):
        enlarge(source, tmp_path / "out.mkv")
    assert not list(tmp_path.glob("*out*"))


def test_a_clip_whose_first_frame_is_damaged_begins_with_the_next(tmp_path: Path, enlarge: Enlarge) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    write_clip(source, times=UNEVEN, pixel_format="yuv420p", apart=True)
    with av.open(str(source)) as container:
        first = next(bytes(packet) for packet in container.demux(video=0) if packet.size)
    data = source.read_bytes()
    at = data.index(first[100:])  # the matroska header holds a copy of what comes before
    source.write_bytes(data[:at] + bytes(len(first) - 100) + data[at + len(first) - 100 :])
    assert enlarge(source, target) == 0
    assert times_of(target)[-1] == Fraction(UNEVEN[-1], 1000)


def test_durations_of_an_animation_do_not_drift(tmp_path: Path) -> None:
    for suffix in (".gif", ".webp"):
        path = tmp_path / f"out{suffix}"
        with AnimationWriter(path, path) as writer:
            for number in range(48):
                photo = Photo(np.full((4, 4, 3), number * 5, np.uint8), None, False, None, False)
                writer.write(photo, Shot(photo, Fraction(number, 24)))
        with Image.open(path) as made:
            total = 0
            for number in range(made.n_frames):
                made.seek(number)
                made.load()
                total += made.info["duration"]
        assert abs(total - 2000) <= 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in.mkv", "-o", "out.xyz"], "out.xyz: .xyz is no clip's suffix: give .mkv, .mp4"),
        (["in.mkv", "-o", "out.png"], "out.png: .png is no clip's suffix"),
        (["in.xyz", "-o", "out.mkv"], "in.xyz: .xyz is the suffix of no picture or clip: rename it"),
        (["pictures", "-o", "out.mkv", "--deinterlace"], "--deinterlace has no effect on pictures"),
        (["photo.png", "-o", "out", "--deinterlace"], "--deinterlace has no effect without a clip"),
        (["in.mkv", "-o", "out.ogv"], ".ogv takes no libx264 of 128 × 96 pixels: give .mkv"),
        (["sound.mkv", "-o", "out.mkv"], "sound.mkv holds no video"),
        (["empty.mkv", "-o", "out.mkv"], "empty.mkv cannot be read as a clip"),
    ],
)
def test_odd_names_and_files_are_named(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    from esrgan_train import upscale

    monkeypatch.chdir(tmp_path)
    write_clip(Path("in.mkv"), times=[0], pixel_format="yuv420p")
    Path("in.xyz").write_bytes(Path("in.mkv").read_bytes())
    Path("empty.mkv").touch()
    Path("pictures").mkdir()
    for path in ("pictures/1.png", "photo.png"):
        cv2.imwrite(path, np.zeros((6, 8, 3), np.uint8))
    with av.open("sound.mkv", "w") as out:
        sound = out.add_stream("aac", rate=48000, layout="mono")
        made = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        made.sample_rate = 48000
        out.mux([*sound.encode(made), *sound.encode()])
    before = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(UserError) as error:
        upscale.main([*arguments, "--model", str(model)])
    assert words in str(error.value)
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_decoding_times_that_x265_leaves_unset_are_those_of_showing():
    def packet(pts: int | None, dts: int | None) -> SimpleNamespace:
        return SimpleNamespace(pts=pts, dts=dts)

    unset = [packet(0, 9114100276213104342), packet(1, -112588272723557)]
    assert [each.dts for each in with_decoding_times(unset)] == [0, 1]
    sound = [packet(6, 4), packet(5, 5), packet(7, None)]
    assert [each.dts for each in with_decoding_times(sound)] == [4, 5, None]
