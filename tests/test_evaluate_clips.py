"""Clips against clips: scores compared with scikit-image and FFmpeg on frames that these read themselves."""

from __future__ import annotations

import csv
import shutil
import subprocess
import weakref
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import skimage.metrics
import torch
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import RunError, UserError
from esrgan_train.evaluate.__main__ import main
from esrgan_train.evaluate.meeting import Meeting
from esrgan_train.images.photo import Photo
from esrgan_train.metrics.niqe import niqe
from esrgan_train.metrics.pristine import Pristine
from esrgan_train.upscale import main as upscale
from esrgan_train.video.reel import Reel
from esrgan_train.video.shot import Shot
from tests.video.clips import write_clip

SIZE = (64, 48)
TIMES = [0, 70, 100, 130, 200]  # milliseconds


def frame(number: int, *, noise: float = 0, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """(h, w, 3): waves that move, with noise that grows with the number."""
    width, height = size
    y, x = np.indices((height, width))
    waves = [110 + 60 * np.sin((x + number * (c + 1)) / 5) + 40 * np.cos((y - number) / (4 + c)) for c in range(3)]
    rng = np.random.default_rng(number)
    noisy = np.stack(waves, -1) + noise * (number + 1) * rng.standard_normal((height, width, 3))
    return noisy.round().clip(0, 255).astype(np.uint8)


def write(
    path: Path,
    frames: Sequence[NDArray[np.uint8]],
    times: Sequence[int] = TIMES,
    *,
    pixel_format: str = "bgr0",
    matrix: int = 2,
    rate: int = 25,
    unit: Fraction = Fraction(1, 1000),
) -> Path:
    """A clip that loses nothing but what its pixel format loses."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("ffv1" if path.suffix == ".mkv" else "libx264rgb", rate=rate, options={"crf": "0"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt, video.codec_context.time_base = pixel_format, unit
        video.codec_context.colorspace = matrix
        for rgb, start in zip(frames, times, strict=True):
            made = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            if pixel_format.startswith("yuv"):
                accurate = av.video.reformatter.Interpolation.ACCURATE_RND
                scaler = {1: 1, 6: 5}[matrix]  # swscale's number of BT.709 and BT.601
                made = made.reformat(
                    format=pixel_format, dst_colorspace=scaler, src_color_range=2, dst_color_range=1,
                    interpolation=accurate,
                )  # fmt: skip
                made.colorspace, made.color_range = matrix, 1
            else:
                made = made.reformat(format=pixel_format)
            made.pts, made.time_base = start, unit
            out.mux(video.encode(made))
        out.mux(video.encode())
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A clip and the same with noise, both in RGB."""
    hr = write(tmp_path / "hr.mkv", [frame(n) for n in range(5)])
    return hr, write(tmp_path / "sr.mkv", [frame(n, noise=2) for n in range(5)])


def scored(hr: Path, sr: Path, out: Path, *more: str) -> list[dict[str, str]]:
    assert main(["--gt", str(hr), "--results", str(sr), "--scale", "2", "-o", str(out), *more]) == 0
    with (out / "scores.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_scores_are_scikit_images_of_each_frame(
    pair: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("INFO"):
        rows = scored(*pair, tmp_path / "o")
    assert [(row["frame"], row["time"]) for row in rows] == [
        (str(n + 1), f"{t / 1000:.3f}") for n, t in enumerate(TIMES)
    ]
    assert not [name for name in rows[0] if name.startswith("bicubic")]
    for number, row in enumerate(rows):
        hr, sr = (frame(number, noise=noise)[2:-2, 2:-2] for noise in (0, 2))
        assert float(row["psnr"]) == pytest.approx(skimage.metrics.peak_signal_noise_ratio(hr, sr), abs=1e-3)
        ssim = skimage.metrics.structural_similarity(
            hr, sr, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
        )[1][5:-5, 5:-5].mean()  # fmt: skip
        assert float(row["ssim"]) == pytest.approx(ssim, abs=1e-4)
    assert (
        f"lowest PSNR-Y: frame 5 at 0.200 s ({float(rows[4]['psnr_y']):.2f} dB), frame 4 at 0.130 s" in caplog.text
    )
    assert f"{np.mean([float(row['psnr_y']) for row in rows]):.4f}" in capsys.readouterr().out
    with Image.open(tmp_path / "o/worst.png") as sheet:
        assert sheet.width > 2 * SIZE[0]


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg: apt-get install ffmpeg")
def test_psnr_y_is_that_of_ffmpeg(tmp_path: Path) -> None:
    hr, sr = tmp_path / "hr.mkv", tmp_path / "sr.mkv"
    for path, noise in ((hr, 0), (sr, 2)):
        write(path, [frame(n, noise=noise) for n in range(5)], pixel_format="yuv444p", matrix=6)
    graph = "[0:v]crop=60:44[a];[1:v]crop=60:44[b];[a][b]psnr=stats_file=stats.txt"
    command = ["ffmpeg", "-v", "error", "-i", sr, "-i", hr, "-lavfi", graph, "-f", "null", "-"]
    subprocess.run(command, check=True, cwd=tmp_path)
    said = [
        dict(one.split(":") for one in line.split()) for line in (tmp_path / "stats.txt").read_text().splitlines()
    ]
    for row, theirs in zip(scored(hr, sr, tmp_path / "o"), said, strict=True):
        # Ours is luma of the RGB that is shown, which was rounded once more than the plane in the file.
        assert float(row["psnr_y"]) == pytest.approx(float(theirs["psnr_y"]), abs=0.15)


def test_frames_pair_by_their_times_and_those_alone_are_told(
    pair: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hr, _ = pair
    sr = write(tmp_path / "short.mkv", [frame(n) for n in (0, 1, 3)], [TIMES[n] for n in (0, 1, 3)])
    rows = scored(hr, sr, tmp_path / "o")
    assert [row["frame"] for row in rows] == ["1", "2", "4"]
    assert [float(row["psnr"]) for row in rows] == [100.0] * 3
    assert f"without a partner, and not scored: 2 of {hr} (the first at 0.100 s)" in caplog.text


def test_containers_of_other_units_and_beginnings_pair(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    hr = write(
        tmp_path / "exact.mp4",
        [frame(n) for n in range(30)],
        range(30),
        pixel_format="rgb24",
        unit=Fraction(1, 24),
    )
    times = [1400 + round(n * 1000 / 24) for n in range(30)]
    sr = write(tmp_path / "late.mkv", [frame(n) for n in range(30)], times)
    rows = scored(hr, sr, tmp_path / "o")
    assert [float(row["psnr"]) for row in rows] == [100.0] * 30
    assert f"times count from each first frame: {hr} at 0.000 s, {sr} at 1.400 s" in caplog.text


@pytest.mark.parametrize("rate", [25, Fraction(24000, 1001)])
def test_clips_of_other_rates_are_refused(tmp_path: Path, rate: Fraction) -> None:
    paths = []
    for name, each in (("hr", Fraction(24)), ("sr", Fraction(rate))):
        path = tmp_path / f"{name}.mkv"
        write(path, [frame(n, size=(16, 16)) for n in range(110)], [round(n * 1000 / each) for n in range(110)])
        paths.append(path)
    with pytest.raises(RunError, match=r"frames are not shown at the same times.*give clips of one rate"):
        scored(paths[0], paths[1], tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_clips_of_other_sizes_are_refused_before_any_work(pair: tuple[Path, Path], tmp_path: Path) -> None:
    small = write(tmp_path / "small.mkv", [frame(n, size=(32, 24)) for n in range(5)])
    with pytest.raises(UserError, match=r"--results .*small\.mkv is 32 × 24; --gt .*hr\.mkv at ×2 needs 64 × 48"):
        scored(pair[0], small, tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_each_clip_is_read_by_its_own_matrix_and_a_difference_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frames = [frame(n) for n in range(5)]
    hr = write(tmp_path / "hr.mkv", frames, pixel_format="yuv444p", matrix=1)
    sr = write(tmp_path / "sr.mkv", frames, pixel_format="yuv444p", matrix=6)
    rows = scored(hr, sr, tmp_path / "o")
    assert min(float(row["psnr"]) for row in rows) > 44  # two roundings; read by one matrix it is 25 dB
    assert "differ in colour" in caplog.text
    assert "matrix BT.709, limited range" in caplog.text
    assert "matrix BT.601, limited range" in caplog.text


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save({"params": SRVGGNetCompact(num_feat=8, num_conv=1, upscale=2).state_dict()}, tmp_path / "m.pth")
    return tmp_path / "m.pth"


@pytest.mark.slow
@pytest.mark.run
def test_a_model_scores_as_the_clip_that_it_makes(pair: tuple[Path, Path], tmp_path: Path, model: Path) -> None:
    hr, _ = pair
    lr = write(tmp_path / "lr.mkv", [frame(n)[::2, ::2] for n in range(5)])
    options = ["--model", str(model), "--precision", "32"]
    made = ["--codec", "ffv1", "--pix-fmt", "bgr0"]
    assert upscale([str(lr), "-o", str(tmp_path / "made.mkv"), *options, *made]) == 0
    assert upscale([str(lr), "-o", str(tmp_path / "made"), *options]) == 0
    scores = [
        scored(hr, tmp_path / "made.mkv", tmp_path / "a", "--lr", str(lr)),
        scored(hr, tmp_path / "made", tmp_path / "b", "--lr", str(lr)),  # numbered pictures, taken in order
    ]
    assert main(["--gt", str(hr), "--lr", str(lr), *options, "-o", str(tmp_path / "c")]) == 0
    with (tmp_path / "c/scores.csv").open() as file:
        scores.append(list(csv.DictReader(file)))
    assert scores[0] == scores[1] == scores[2]
    assert "bicubic_psnr_y" in scores[0][0]


@pytest.mark.slow
@pytest.mark.run
def test_without_inputs_the_model_gets_degraded_frames(
    pair: tuple[Path, Path], tmp_path: Path, model: Path
) -> None:
    command = ["--gt", str(pair[0]), "--model", str(model)]
    for folder, more in (("a", []), ("b", []), ("c", ["--seed", "1"])):
        degradation = ["--degradation", "light", *more]
        assert main([*command, *degradation, "-o", str(tmp_path / folder)]) == 0
    a, b, c = ((tmp_path / folder / "scores.csv").read_text() for folder in "abc")
    assert a == b != c
    with pytest.raises(UserError, match="--degradation light has no effect on these clips"):
        scored(*pair, tmp_path / "o", "--degradation", "light")


def test_animations_and_turned_clips_are_seen_as_players_show_them(tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    write_clip(turned, times=[0, 40, 80], pixel_format="yuv444p", rotation=90)
    torch.save({"params": SRVGGNetCompact(num_feat=8, num_conv=1, upscale=1).state_dict()}, tmp_path / "x1.pth")
    options = ["--model", str(tmp_path / "x1.pth"), "--precision", "32"]
    assert upscale([str(turned), "-o", str(tmp_path / "made.webp"), *options]) == 0
    assert upscale([str(turned), "-o", str(tmp_path / "made.mp4"), *options, "--crf", "0"]) == 0
    upright = scored(tmp_path / "made.mp4", tmp_path / "made.webp", tmp_path / "o")
    assert min(float(row["psnr_y"]) for row in upright) > 45


def test_niqe_is_measured_where_asked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (300, 204, 3), np.uint8).astype(np.uint8) for _ in range(2)]
    clip = write(tmp_path / "hr.mkv", frames, TIMES[:2])
    np.savez(tmp_path / "p.npz", mu_pris_param=np.ones(36), cov_pris_param=np.eye(36))
    rows = scored(clip, clip, tmp_path / "o", "--niqe", str(tmp_path / "p.npz"))
    images = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2) / 255
    expected = niqe(images, 2, Pristine(np.ones(36), np.eye(36)))
    assert [float(row["niqe"]) for row in rows] == pytest.approx(expected.tolist())
    with pytest.raises(UserError, match=r"--niqe nothing\.npz: there is no such file"):
        scored(clip, clip, tmp_path / "o", "--niqe", "nothing.npz")


@pytest.mark.parametrize("count", [30, 300])
@pytest.mark.parametrize("timed", [True, False])
def test_no_more_frames_are_in_memory_however_long_the_clips(count: int, timed: bool) -> None:
    alive = [0]

    def gone() -> None:
        alive[0] -= 1

    def shots(lacking: int) -> Iterator[Shot]:
        for number in range(count):
            if number % 7 == lacking:
                continue
            rgb = np.zeros((2, 2, 3), np.uint8)
            weakref.finalize(rgb, gone)
            alive[0] += 1
            yield Shot(Photo(rgb, None, False, None, False), Fraction(number, 25))
            del rgb

    unit = Fraction(1, 1000) if timed else None
    reels = [
        Reel(Path(f"{n}.mkv"), shots(lacking), (2, 2), None, unit, Fraction(25))
        for n, lacking in enumerate((2, 5))
    ]
    meeting = Meeting(reels)
    most, found = 0, []
    for number, _ in meeting:
        most = max(most, alive[0])
        found.append(number)
    assert most <= 6
    assert alive[0] <= 2
    lacking = sum(n % 7 in (2, 5) for n in range(count)) if timed else 0
    assert len(found) == count - lacking if timed else len(found) >= count - count // 7 - 1
    assert any("without a partner" in line for line in meeting.remarks) == timed


def test_mistakes_are_named(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    (tmp_path / "text.mkv").write_text("no clip")
    for results, words in (("none.mkv", "No such file"), ("text.mkv", "cannot be read as a clip")):
        with pytest.raises(UserError, match=words):
            scored(pair[0], tmp_path / results, tmp_path / "o")
    arguments: list[Any] = ["--gt", pair[0], "--results", pair[1]]
    with pytest.raises(UserError, match="--results needs --scale"):
        main([str(one) for one in arguments])
