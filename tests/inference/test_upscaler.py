"""Tiles against whole pictures, and the command from end to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import spandrel
import torch
from PIL import Image

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.export.onnx_file import export_onnx
from esrgan_train.export.variants import DEFAULTS
from esrgan_train.images.photo import fill_hidden, read_photo
from esrgan_train.inference.geometry import reach_of
from esrgan_train.inference.memory import automatic_tile
from esrgan_train.inference.models import load_generator
from esrgan_train.inference.tiling import enlarge_tiled
from esrgan_train.inference.upscaler import BF16_FOR_8_BITS, Upscaler, inference_precision
from esrgan_train.upscale import main
from tests.archs.test_published_weights import MODELS, read_ncnn, run_ncnn

CPU = torch.device("cpu")


def network(upscale: int = 2, num_conv: int = 3) -> SRVGGNetCompact:
    torch.manual_seed(0)
    return SRVGGNetCompact(num_feat=16, num_conv=num_conv, upscale=upscale).eval()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.save({"params": network().state_dict()}, tmp_path / "m.pth")
    return tmp_path / "m.pth"


@pytest.mark.parametrize(("height", "width", "tile"), [(37, 53, 16), (1, 1, 1), (65, 33, 31), (40, 3, 7)])
def test_tiles_give_the_whole_pictures_numbers(height: int, width: int, tile: int) -> None:
    net, lr = network(), torch.rand(1, 3, height, width)
    with torch.inference_mode():
        whole = net(lr)
        tiled = enlarge_tiled(net, lr, tile=tile, radius=reach_of(net), scale=2)
    assert (whole - tiled).abs().max() < 1e-5


def test_one_pixel_less_than_the_receptive_field_shows() -> None:
    net, lr = network(), torch.rand(1, 3, 40, 40)
    with torch.inference_mode():
        tiled = enlarge_tiled(net, lr, tile=16, radius=reach_of(net) - 1, scale=2)
        assert (net(lr) - tiled).abs().max() > 1e-7


def test_pictures_agree_with_spandrel(model: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (45, 31, 3), np.uint8)
    lr = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        theirs = spandrel.ModelLoader().load_from_file(str(model)).eval()(lr)[0].permute(1, 2, 0).numpy()
    ours = Upscaler(load_generator(model), device=CPU, precision="32", tile=16)(image)
    assert np.abs(ours - theirs.clip(0, 1) * 255).max() < 0.501


def test_bf16_agrees_with_float32_to_45_db() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    exact = Upscaler(network(), device=CPU, precision="32", tile=0)(image).astype(float)
    quick = Upscaler(network(), device=CPU, precision="bf16", tile=0)(image).astype(float)
    assert 10 * np.log10(255**2 / max(((exact - quick) ** 2).mean(), 1e-9)) >= 45


def test_16_bit_pictures_are_computed_in_float32_unless_bf16_is_asked_for() -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (32, 32, 3), np.uint16)
    shallow = (deep >> 8).astype(np.uint8)
    by_precision = {
        precision: Upscaler(network(), device=CPU, precision=precision, tile=0)
        for precision in ("32", "bf16", BF16_FOR_8_BITS)
    }
    of_deep, of_shallow = (
        {precision: upscaler(image) for precision, upscaler in by_precision.items()} for image in (deep, shallow)
    )
    assert np.array_equal(of_deep[BF16_FOR_8_BITS], of_deep["32"])
    assert np.array_equal(of_shallow[BF16_FOR_8_BITS], of_shallow["bf16"])
    assert np.abs(of_deep["bf16"].astype(int) - of_deep["32"]).max() > 10  # the reason


def test_bf16_for_8_bits_is_chosen_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for native, expected in ((True, BF16_FOR_8_BITS), (False, "32")):
        monkeypatch.setattr("esrgan_train.inference.upscaler.multiplies_bf16", lambda _, native=native: native)
        assert inference_precision("auto", CPU, network()) == expected
    assert inference_precision("bf16", CPU, network()) == "bf16"


def test_transparency_profile_and_gray_are_kept(tmp_path: Path, model: Path) -> None:
    rgba = np.random.default_rng(0).integers(0, 256, (9, 7, 4), np.uint8)
    Image.fromarray(rgba).save(tmp_path / "a.png", icc_profile=b"a profile")
    Image.fromarray(rgba[:, :, 0]).save(tmp_path / "g.png")
    inputs = [str(tmp_path / "a.png"), str(tmp_path / "g.png")]
    assert main([*inputs, "-o", str(tmp_path / "o"), "--model", str(model)]) == 0
    with Image.open(tmp_path / "o/a.png") as image:
        assert (image.mode, image.size, image.info["icc_profile"]) == ("RGBA", (14, 18), b"a profile")
    with Image.open(tmp_path / "o/g.png") as image:
        assert (image.mode, image.size) == ("L", (14, 18))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_with_transparency_are_kept(tmp_path: Path, model: Path, suffix: str) -> None:
    stored = np.random.default_rng(0).integers(0, 65536, (9, 7, 4), np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), stored)
    out = ["-o", str(tmp_path / "o"), "--model", str(model), "--format", suffix]
    assert main([str(tmp_path / "a.png"), *out]) == 0
    back = cv2.imread(str(tmp_path / f"o/a.{suffix}"), cv2.IMREAD_UNCHANGED)
    assert (back.dtype, back.shape) == (np.uint16, (18, 14, 4))
    assert read_photo(tmp_path / f"o/a.{suffix}").alpha is not None


def test_hidden_black_does_not_darken_the_edge() -> None:
    rgb, alpha = np.zeros((9, 9, 3), np.uint8), np.zeros((9, 9), np.uint8)
    rgb[:, :4], alpha[:, :4] = 200, 255
    assert (fill_hidden(rgb, alpha)[:, :8] == 200).all()


def test_scale_makes_another_size_and_a_bad_photo_does_not_stop_the_rest(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/bad.png").write_bytes(b"no picture")
    Image.new("RGB", (10, 6)).save(tmp_path / "in/sub/good.png")
    out = ["-o", str(tmp_path / "o"), "--model", str(model), "--scale", "1.5"]
    assert main([str(tmp_path / "in"), *out]) == 1
    assert "bad.png" in capsys.readouterr().err
    with Image.open(tmp_path / "o/sub/good.png") as image:
        assert image.size == (15, 9)
    assert not list((tmp_path / "o").glob("*"))[1:]


def test_a_malicious_pickle_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (trace,)

    torch.save({"params": Payload()}, tmp_path / "m.pth")
    with pytest.raises(UserError, match="could run code"):
        load_generator(tmp_path / "m.pth")
    assert not trace.exists()


@pytest.mark.parametrize("size", [(1, 1), (2000, 3), (3, 2000), (7, 1)])
def test_thin_pictures_are_enlarged(tmp_path: Path, model: Path, size: tuple[int, int]) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)).save(
        tmp_path / "a.png"
    )
    out = ["-o", str(tmp_path / "o"), "--model", str(model), "--tile", "64"]
    assert main([str(tmp_path / "a.png"), *out]) == 0
    with Image.open(tmp_path / "o/a.png") as image:
        assert image.size == (2 * size[0], 2 * size[1])


def test_files_of_every_kind_are_read_upright_and_in_their_colours(
    tmp_path: Path, model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rgb = skimage.data.chelsea()[100:140, 100:160]
    (tmp_path / "in/sub").mkdir(parents=True)
    photo = Image.fromarray(rgb)
    photo.save(tmp_path / "in/plain.png")
    photo.quantize(255).save(tmp_path / "in/palette.png")
    photo.convert("CMYK").save(tmp_path / "in/cmyk.tif")
    turned = Image.Exif()
    turned[0x112] = 6
    photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "in/sub/turned.png", exif=turned)
    photo.save(tmp_path / "in/film.webp", save_all=True, append_images=[photo.rotate(180)], lossless=True)
    with caplog.at_level("WARNING"):
        assert main([str(tmp_path / "in"), "-o", str(tmp_path / "o"), "--model", str(model)]) == 0
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / 'in/film.webp'} holds several pictures: only the first is enlarged"
    ]
    expected = np.array(Image.open(tmp_path / "o/plain.png")).astype(float)
    for name, limit in (("palette", 12), ("cmyk", 3), ("sub/turned", 0), ("film", 0)):
        enlarged = np.array(Image.open(tmp_path / f"o/{name}.png"))
        assert enlarged.shape == (80, 120, 3)
        assert np.abs(enlarged - expected).mean() <= limit, name


def test_only_what_is_missing_is_made(tmp_path: Path, model: Path) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (4, 4), "red").save(tmp_path / f"{name}.png")
    (tmp_path / "o").mkdir()
    (tmp_path / "o/a.png").write_bytes(b"made before")
    pattern = str(tmp_path / "*.png")
    assert main([pattern, "-o", str(tmp_path / "o"), "--model", str(model), "--skip-existing"]) == 0
    assert (tmp_path / "o/a.png").read_bytes() == b"made before"
    assert Image.open(tmp_path / "o/b.png").size == (8, 8)


@pytest.mark.slow
def test_published_weights_enlarge_a_photograph_as_ncnn_and_spandrel_do_and_tiles_to_the_same_bytes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stem = MODELS / "realesr-animevideov3-x4"
    torch.save({"params": read_ncnn(stem)}, tmp_path / "anime.pth")
    photo = np.ascontiguousarray(skimage.data.astronaut()[40:103, 180:251])
    Image.fromarray(photo).save(tmp_path / "a.png")
    command = [str(tmp_path / "a.png"), "--model", str(tmp_path / "anime.pth"), "--precision", "32"]
    for tile in ("0", "17", "32", "37"):
        assert main([*command, "-o", str(tmp_path / tile), "--tile", tile]) == 0
    ours = np.array(Image.open(tmp_path / "0/a.png"))
    lr = np.ascontiguousarray(photo.transpose(2, 0, 1), dtype=np.float32) / 255
    by_ncnn = run_ncnn(stem, lr).transpose(1, 2, 0)
    with torch.inference_mode():
        described = spandrel.ModelLoader().load_from_file(str(tmp_path / "anime.pth")).eval()
        by_spandrel = described(torch.from_numpy(lr)[None])[0].permute(1, 2, 0).numpy()
    for theirs in (by_ncnn, by_spandrel):
        assert np.abs(ours - theirs.clip(0, 1) * 255).max() < 0.52
    for tile in ("17", "32", "37"):
        assert np.array_equal(np.array(Image.open(tmp_path / tile / "a.png")), ours)
    with caplog.at_level("INFO"):
        assert main([*command, "-o", str(tmp_path / "c"), "--tile", "32", "--self-check"]) == 0
    assert f"0 of {ours.size} values differ" in caplog.text


# ONNX models


@pytest.fixture(scope="module")
def onnx_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    metadata = {"arch": "srvgg", "options": {"num_feat": 16, "num_conv": 3, "upscale": 2}, "upscale": 2}
    single, half = DEFAULTS["onnx"]
    export_onnx(network(), folder / "ours.onnx", metadata, single)
    export_onnx(network(), folder / "foreign.onnx", {}, single)
    export_onnx(network(), folder / "half.onnx", metadata, half)
    return folder


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize(("name", "limit"), [("ours", 0.51), ("foreign", 0.51), ("half", 2.0)])
def test_an_onnx_model_gives_the_pictures_of_its_weights(onnx_models: Path, name: str, limit: float) -> None:
    image = np.random.default_rng(0).integers(0, 256, (45, 31, 3), np.uint8)
    exact = Upscaler(network(), device=CPU, precision="32", tile=0)(image).astype(float)
    upscaler = Upscaler(load_generator(onnx_models / f"{name}.onnx"), device=CPU, precision="32", tile=16)
    assert (upscaler.scale, upscaler.radius) == (2, 5)
    assert np.abs(upscaler(image) - exact).max() <= limit + 0.5


@pytest.mark.run
def test_what_an_onnx_model_cannot_do_is_refused_in_one_line(
    onnx_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx_models / "ours.onnx"
    with pytest.raises(UserError, match="--precision bf16 is not possible"):
        inference_precision("bf16", CPU, load_generator(model))
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"bad\.onnx cannot be read as ONNX"):
        load_generator(tmp_path / "bad.onnx")
    with pytest.raises(UserError, match=r"none\.onnx does not exist"):
        load_generator(tmp_path / "none.onnx")
    fixed = torch.onnx.export(network(), (torch.zeros(1, 3, 8, 8),), dynamo=True, verbose=False)
    fixed.save(tmp_path / "fixed.onnx")
    with pytest.raises(UserError, match="takes only pictures of 8×8 pixels"):
        load_generator(tmp_path / "fixed.onnx")
    monkeypatch.setattr("esrgan_train.inference.onnx_model.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"needs onnxruntime: pip install 'esrgan-train\[export\]'"):
        load_generator(model)


def test_the_chosen_tile_is_one_that_a_processor_is_quick_with(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 64 <= automatic_tile(network(), 2, CPU) <= 256
    for free, tile in ((1 << 20, 64), (1 << 40, 512)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 1 << 40))
        assert automatic_tile(network(), 2, torch.device("cuda")) == tile
    # What the allocator keeps for new tensors is free, too; of two GPUs the one that computes is asked.
    second = torch.device("cuda", 1)
    asked: list[torch.device] = []

    def told(value: int) -> object:
        return lambda device: asked.append(device) or value

    monkeypatch.setattr(torch.cuda, "memory_allocated", told(5 << 40))
    monkeypatch.setattr(torch.cuda, "memory_reserved", told(6 << 40))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (asked.append(device) or 0, 1 << 40))
    assert automatic_tile(network(), 2, second) == 512
    assert asked == [second] * 3
    monkeypatch.delattr("os.sysconf")  # as on Windows
    assert automatic_tile(network(), 2, CPU) == 256


@pytest.mark.slow
@pytest.mark.run
def test_small_tiles_bound_the_memory() -> None:
    script = (
        "import sys, numpy as np, torch\n"
        "from esrgan_train.archs.srvgg_arch import SRVGGNetCompact\n"
        "from esrgan_train.inference.upscaler import Upscaler\n"
        "up = Upscaler(SRVGGNetCompact(num_feat=64, num_conv=1, upscale=1).eval(),"
        " device=torch.device('cpu'), precision='32', tile=int(sys.argv[1]))\n"
        "def kib(name): return int(open('/proc/self/status').read().split(name + ':')[1].split()[0])\n"
        "open('/proc/self/clear_refs', 'w').write('5')\n"  # the peak counts from here on
        "before = kib('VmRSS')\n"
        "up(np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), np.uint8))\n"
        "print(kib('VmHWM') - before)\n"
    )

    def growth(tile: int) -> int:
        command = [sys.executable, "-c", script, str(tile)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert growth(64) * 3 < growth(0)  # the whole picture's maps are 250 MB a layer
