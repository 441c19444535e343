"""What goes wrong with one photo is that photo's; the others are done."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import esrgan_train.inference.batch as batch
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.cli import run_command
from esrgan_train.errors import RunError
from esrgan_train.images.photo import Photo
from esrgan_train.inference.memory import ran_out
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.upscale import main

CPU = torch.device("cpu")


def network() -> SRVGGNetCompact:
    torch.manual_seed(0)
    return SRVGGNetCompact(num_feat=8, num_conv=2, upscale=2).eval()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.save({"params": network().state_dict()}, tmp_path / "m.pth")
    return tmp_path / "m.pth"


@pytest.fixture
def three(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (9, 7), "teal").save(tmp_path / f"in/{name}.png")
    return tmp_path / "in"


def run(three: Path, model: Path, *more: str) -> int:
    arguments = [str(three), "-o", str(three.parent / "o"), "--model", str(model), *more]
    return run_command(lambda: main(arguments))


def written(three: Path) -> set[str]:
    return {path.name for path in (three.parent / "o").glob("*")}


@pytest.mark.parametrize("step", ["read_photo", "enlarge", "resize", "write_photo"])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "not enough memory for"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB"), "not enough memory for"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory for"),
        (OSError(28, "No space left on device"), "failed: No space left on device"),
        (ZeroDivisionError("a bug"), "failed: ZeroDivisionError: a bug (HYDRA_FULL_ERROR=1 shows where)"),
    ],
    ids=["memory", "device", "allocator", "disk", "unknown"],
)
def test_any_error_of_one_photo_is_reported_and_the_others_are_done(
    three: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Any,
    step: str,
    error: Exception,
    expected: str,
) -> None:
    works, calls = getattr(batch, step), iter("abc")

    def fails_for_b(*arguments: Any) -> Any:
        if next(calls) == "b":
            raise error
        return works(*arguments)

    monkeypatch.setattr(batch, step, fails_for_b)
    assert run(three, model, "--scale", "3") == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "b.png: " in lines[0]
    assert expected in lines[0]
    assert written(three) == {"a.png", "c.png"}


def test_the_place_of_an_unknown_error_is_shown_on_request(
    three: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fails(*_: Any) -> Photo:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(batch, "enlarge", fails)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert run(three, model) == 1
    assert "in fails" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.run
def test_a_photo_that_does_not_fit_into_memory_names_the_remedy(tmp_path: Path) -> None:
    torch.save({"params": SRVGGNetCompact(upscale=2).state_dict()}, tmp_path / "m.pth")
    Image.new("RGB", (4500, 3000)).save(tmp_path / "large.png", compress_level=1)
    Image.new("RGB", (40, 40)).save(tmp_path / "small.png")
    options = ["-o", "o", "--model", "m.pth", "--tile", "0", "--precision", "32", "--device", "cpu"]
    few = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # each thread reserves addresses

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (5 << 30, 5 << 30))

    done = subprocess.run(
        [sys.executable, "-m", "esrgan_train.upscale", "large.png", "small.png", *options],
        cwd=tmp_path, env={**os.environ, **few}, preexec_fn=limit, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "error: large.png: not enough memory for enlarging; leave --tile 0 out\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "o").iterdir()] == ["small.png"]


class Greedy(nn.Module):
    """A compact network that has no memory for more than 100 pixels of height."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.network, self.error, self.seen = network(), error, [0]

    def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
        return network()

    def forward(self, lr: Tensor) -> Tensor:
        self.seen.append(lr.shape[-2])
        if lr.shape[-2] > 100:
            raise self.error
        return self.network(lr)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("could not create a primitive"), torch.OutOfMemoryError("out of memory")]
)
def test_a_tile_that_was_chosen_is_halved_and_one_that_was_given_is_not(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (210, 30, 3), np.uint8)
    monkeypatch.setattr("esrgan_train.inference.upscaler.automatic_tile", lambda *_: 200)
    greedy = Greedy(error)
    enlarge = Upscaler(greedy, device=CPU, precision="32", tile=None)
    with caplog.at_level("INFO"):
        enlarged = enlarge(image)
    assert (enlarge.tile, max(greedy.seen)) == (64, 204)
    assert "tiles of 200 pixels need more memory than there is: continuing with 100" in caplog.text
    whole = Upscaler(network(), device=CPU, precision="32", tile=0)(image)
    assert np.abs(enlarged.astype(int) - whole).max() <= 1
    with pytest.raises(type(error)):
        Upscaler(Greedy(error), device=CPU, precision="32", tile=200)(image)


def test_other_errors_are_no_reason_for_smaller_tiles() -> None:
    enlarge = Upscaler(Greedy(RuntimeError("shapes do not fit")), device=CPU, precision="32", tile=None)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        enlarge(np.zeros((210, 30, 3), np.uint8))
    assert not ran_out(RuntimeError("the size of tensor a must match"))


def test_an_enlargement_that_has_no_room_is_no_matter_of_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> None:
        raise MemoryError

    enlarge = Upscaler(network(), device=CPU, precision="32", tile=None)
    monkeypatch.setattr(np, "empty", refuses)
    with pytest.raises(
        RunError, match="not enough memory for an enlargement of 60 × 40 pixels; give a smaller photo"
    ):
        enlarge(np.zeros((20, 30, 3), np.uint8))


# Results that are not finite


def test_a_model_with_weights_that_are_not_finite_is_refused(three: Path, tmp_path: Path, capsys: Any) -> None:
    weights = network().state_dict()
    weights["body.2.weight"][0, 0, 0, 0] = float("nan")
    torch.save({"params": weights}, tmp_path / "nan.pth")
    assert run(three, tmp_path / "nan.pth") == 2
    assert "nan.pth holds NaN or infinity (in body.2.weight)" in capsys.readouterr().err
    assert not written(three)


def test_a_result_that_is_not_finite_fails_the_photo(three: Path, tmp_path: Path, capsys: Any) -> None:
    weights = {name: torch.full_like(weight, 1e30) for name, weight in network().state_dict().items()}
    torch.save({"params": weights}, tmp_path / "wild.pth")
    for precision, remedy in (("32", "give a model that has not diverged"), ("bf16", "give --precision 32")):
        assert run(three, tmp_path / "wild.pth", "--precision", precision) == 1
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert [line.endswith(f".png: the model's result is not finite; {remedy}") for line in lines] == [True] * 3
    assert not written(three)


def test_one_value_that_is_not_finite_is_enough() -> None:
    class OneWrong(nn.Module):
        def forward(self, lr: Tensor) -> Tensor:
            sr = lr.clone()
            sr[..., -1, -1] = float("inf") if lr.shape[-1] == 30 else 0.5
            return sr

    with pytest.raises(RunError, match="not finite"):
        Upscaler(OneWrong(), device=CPU, precision="32", tile=0)(np.zeros((20, 30, 3), np.uint8))


# Files


def test_a_damaged_second_page_does_not_matter(three: Path, model: Path, caplog: pytest.LogCaptureFixture) -> None:
    page = Image.new("RGB", (9, 7), "teal")
    page.save(three / "b.tif", save_all=True, append_images=[page])
    (three / "b.png").unlink()
    content = bytearray((three / "b.tif").read_bytes())
    (start,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, start)
    struct.pack_into(
        "<I", content, start + 2 + 12 * entries, len(content) + 5000
    )  # where the second page should be
    (three / "b.tif").write_bytes(content)
    assert run(three, model) == 0
    assert written(three) == {"a.png", "b.png", "c.png"}
    assert "b.tif" in caplog.text
    assert "invalid page offset" in caplog.text
    assert np.array_equal(Image.open(three.parent / "o/b.png"), Image.open(three.parent / "o/a.png"))


@pytest.mark.parametrize(
    ("suffix", "image", "expected"),
    [
        ("jpg", Image.new("RGBA", (9, 7)), ".jpg holds no transparency"),
        ("webp", Image.fromarray(np.zeros((7, 9), np.uint16)), ".webp holds no 16-bit picture"),
        ("webp", Image.new("RGB", (9000, 1)), "18000 × 2 pixels are too many for .webp, which holds 16383 a side"),
    ],
)
def test_what_the_format_cannot_hold_is_not_computed(
    three: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, suffix: str, image: Any, expected: str
) -> None:
    image.save(three / "b.png")
    enlarged = []
    monkeypatch.setattr(
        batch,
        "enlarge",
        lambda upscaler, photo, works=batch.enlarge: enlarged.append(1) or works(upscaler, photo),
    )
    assert run(three, model, "--format", suffix) == 1
    assert expected in capsys.readouterr().err
    assert len(enlarged) == 2
    assert written(three) == {f"a.{suffix}", f"c.{suffix}"}


def test_photos_of_one_name_are_done(three: Path, model: Path) -> None:
    Image.new("RGB", (5, 5)).save(three / "b.jpg")
    assert run(three, model) == 0
    assert written(three) == {"a.png", "b.jpg.png", "b.png.png", "c.png"}
    assert run(three, model, "--keep-suffix", "--format", "webp") == 0
    assert {"a.png.webp", "b.jpg.webp", "b.png.webp", "c.png.webp"} <= written(three)
