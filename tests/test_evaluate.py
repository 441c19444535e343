"""The evaluation command."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import skimage.metrics
import torch
from PIL import Image

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import RunError, UserError
from esrgan_train.evaluate.__main__ import main
from esrgan_train.evaluate.scores import bicubic_of
from esrgan_train.upscale import main as upscale


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    (tmp_path / "gt").mkdir()
    for name, photo in (("cat", skimage.data.chelsea()), ("cup", skimage.data.coffee())):
        Image.fromarray(photo[:101, :90]).save(tmp_path / f"gt/{name}.png")
    return tmp_path / "gt"


def test_scores_of_results_are_scikit_images(truth: Path, tmp_path: Path) -> None:
    for path in truth.iterdir():
        hr = np.array(Image.open(path))[:100]
        noisy = np.clip(hr + np.random.default_rng(0).normal(0, 9, hr.shape), 0, 255).astype(np.uint8)
        (tmp_path / "sr").mkdir(exist_ok=True)
        Image.fromarray(noisy).save(tmp_path / "sr" / path.name)
        expected = skimage.metrics.peak_signal_noise_ratio(hr[2:-2, 2:-2], noisy[2:-2, 2:-2])
    out = tmp_path / "o"
    assert main(["--results", str(tmp_path / "sr"), "--gt", str(truth), "--scale", "2", "-o", str(out)]) == 0
    with (out / "scores.csv").open() as file:
        scores = {row["name"]: float(row["psnr"]) for row in csv.DictReader(file)}
    assert scores[path.stem] == pytest.approx(expected, abs=1e-3)


@pytest.mark.run
@pytest.mark.parametrize("degradation", ["bicubic", "realesrgan", "light"])
def test_a_model_is_scored_the_same_twice(truth: Path, tmp_path: Path, degradation: str) -> None:
    torch.save({"params": SRVGGNetCompact(num_feat=8, num_conv=1, upscale=2).state_dict()}, tmp_path / "m.pth")
    command = ["--model", str(tmp_path / "m.pth"), "--gt", str(truth), "--degradation", degradation]
    for folder in ("a", "b"):
        assert main([*command, "-o", str(tmp_path / folder)]) == 0
    assert (tmp_path / "a/scores.csv").read_bytes() == (tmp_path / "b/scores.csv").read_bytes()
    assert (tmp_path / "a/worst.png").stat().st_size > 1000


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("height", [1, 3, 256, 257])
def test_bicubic_is_that_of_the_whole_picture_in_8_bits(scale: int, height: int) -> None:
    lr = np.ascontiguousarray(skimage.data.chelsea()[:height, :40])
    planes = torch.from_numpy(lr / np.float32(255)).permute(2, 0, 1)[None]
    whole = torch.nn.functional.interpolate(planes, scale_factor=float(scale), mode="bicubic")[0].permute(1, 2, 0)
    difference = bicubic_of(lr, scale).astype(int) - (whole.clamp(0, 1) * 255).numpy()
    assert np.abs(difference).max() < 0.501  # 8 bits, and float32's rounding of places


def test_a_missing_partner_is_named(truth: Path, tmp_path: Path) -> None:
    (tmp_path / "sr").mkdir()
    Image.new("RGB", (90, 100)).save(tmp_path / "sr/cat.png")
    with pytest.raises(UserError, match="cup stand alone"):
        main(["--results", str(tmp_path / "sr"), "--gt", str(truth), "--scale", "2"])


def test_every_pair_of_other_sizes_is_named_before_any_work(truth: Path, tmp_path: Path) -> None:
    (tmp_path / "sr").mkdir()
    for name in ("cat", "cup"):
        Image.new("RGB", (80, 100)).save(tmp_path / f"sr/{name}.png")
    with pytest.raises(UserError, match=r"2 of the sizes.*cat \(result is 80 × 100.*truth 90 × 100\).*cup"):
        main(["--results", str(tmp_path / "sr"), "--gt", str(truth), "--scale", "2", "-o", str(tmp_path / "o")])
    assert not (tmp_path / "o").exists()


def test_a_turned_photo_has_the_size_that_is_seen(truth: Path, tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x112] = 6
    (tmp_path / "sr").mkdir()
    for path in truth.iterdir():
        upright = Image.open(path).crop((0, 0, 90, 100))
        upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "sr" / path.name, exif=turned)
    command = ["--results", str(tmp_path / "sr"), "--gt", str(truth), "--scale", "2", "-o", str(tmp_path / "o")]
    assert main(command) == 0
    with (tmp_path / "o/scores.csv").open() as file:
        assert all(float(row["psnr"]) == 100.0 for row in csv.DictReader(file))


def test_lpips_has_its_column_where_its_weights_are(
    truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Distance:
        def update(self, sr: torch.Tensor, hr: torch.Tensor) -> None:
            self.value = (sr - hr).abs().mean()

        def compute(self) -> torch.Tensor:
            return self.value

    monkeypatch.setattr("esrgan_train.evaluate.scores.weights_file", lambda: truth / "cat.png")
    monkeypatch.setattr("esrgan_train.evaluate.scores.Lpips", Distance)
    command = ["--results", str(truth), "--gt", str(truth), "--scale", "1", "-o", str(tmp_path / "o")]
    assert main(command) == 0
    with (tmp_path / "o/scores.csv").open() as file:
        assert [float(row["lpips"]) for row in csv.DictReader(file)] == [0.0, 0.0]


def test_photos_of_one_name_are_named_as_upscale_names_them(
    truth: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Image.open(truth / "cat.png") as image:
        image.save(truth / "cat.webp", lossless=True)
    torch.save({"params": SRVGGNetCompact(num_feat=8, num_conv=1, upscale=1).state_dict()}, tmp_path / "m.pth")
    for folder, more in (("sr", []), ("kept", ["--keep-suffix"])):
        assert upscale([str(truth), "-o", str(tmp_path / folder), "--model", str(tmp_path / "m.pth"), *more]) == 0
        command = [
            "--results",
            str(tmp_path / folder),
            "--gt",
            str(truth),
            "--scale",
            "1",
            "-o",
            str(tmp_path / "o"),
        ]
        with caplog.at_level("INFO"):
            assert main(command) == 0
        with (tmp_path / "o/scores.csv").open() as file:
            assert [row["name"] for row in csv.DictReader(file)] == ["cat.png", "cat.webp", "cup"]
    assert f"--gt={truth}: cat.png, cat.webp keep their suffixes" in caplog.text


def test_a_result_that_is_not_finite_is_not_scored(truth: Path, tmp_path: Path) -> None:
    network = SRVGGNetCompact(num_feat=8, num_conv=1, upscale=2)
    torch.save(
        {"params": {k: torch.full_like(v, 1e30) for k, v in network.state_dict().items()}}, tmp_path / "m.pth"
    )
    with pytest.raises(RunError, match=r"cat\.png: the model's result is not finite"):
        main(["--model", str(tmp_path / "m.pth"), "--gt", str(truth), "-o", str(tmp_path / "o")])
    assert not (tmp_path / "o").exists()
