"""Pictures enlarged several at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.together import Together
from esrgan_train.inference.upscaler import Upscaler

CPU = torch.device("cpu")


def network(**options: Any) -> nn.Module:
    torch.manual_seed(0)
    return SRVGGNetCompact(**{"num_feat": 16, "num_conv": 3, "upscale": 2, **options}).eval()


def upscaler(tile: int | None = 0, precision: str = "32", *, net: nn.Module | None = None) -> Upscaler:
    return Upscaler(net or network(), device=CPU, precision=precision, tile=tile)


def pictures(count: int, size: tuple[int, int] = (37, 50), kind: type = np.uint8) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, np.iinfo(kind).max, (*size, 3), kind, endpoint=True) for _ in range(count)]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("precision", ["32", "bf16"])
@pytest.mark.parametrize("tile", [0, 20])
@pytest.mark.parametrize("channels", [3, 1])
def test_they_are_those_of_one_at_a_time(kind: type, precision: str, tile: int, channels: int) -> None:
    enlarge = upscaler(tile, precision, net=network(num_in_ch=channels, num_out_ch=channels))
    images = pictures(5, kind=kind)
    alone = [enlarge(image) for image in images]
    # The one or the other of 65,535 levels: a value between two of them may round either way.
    most = 0 if kind is np.uint8 else 1
    for found, expected in zip(Together(enlarge, 5)(images), alone, strict=True):
        assert np.abs(found.astype(int) - expected).max() <= most


def test_sizes_may_differ() -> None:
    enlarge = upscaler()
    images = [*pictures(2), *pictures(3, (20, 21)), *pictures(1)]
    for found, image in zip(Together(enlarge, 4)(images), images, strict=True):
        assert np.array_equal(found, enlarge(image))


class Greedy(nn.Module):
    """Has memory for two pictures, and, ``of_rows``, for no more than that many rows."""

    def __init__(self, of_rows: int = 10**6) -> None:
        super().__init__()
        self.network, self.of_rows, self.seen = network(), of_rows, [(0, 0)]

    def __deepcopy__(self, memo: dict[int, object]) -> nn.Module:
        return network()

    def forward(self, lr: Tensor) -> Tensor:
        self.seen.append((lr.shape[0], lr.shape[2]))
        if lr.shape[0] > 2 or lr.shape[2] > self.of_rows:
            raise torch.OutOfMemoryError("out of memory")
        return cast(Tensor, self.network(lr))


def test_where_memory_runs_out_a_batch_is_halved_and_stays_so(caplog: pytest.LogCaptureFixture) -> None:
    greedy, images = Greedy(), pictures(7)
    together = Together(upscaler(net=greedy), 7)
    with caplog.at_level("INFO"):
        found = together(images)
        greedy.seen.clear()
        together(images)
    assert [count for count, _ in greedy.seen] == [1] * 7
    assert "7 pictures need more memory than there is: continuing with 3" in caplog.text
    assert "3 pictures need more memory than there is: continuing with 1" in caplog.text
    plain = upscaler()
    assert all(np.array_equal(one, plain(image)) for one, image in zip(found, images, strict=True))


def test_tiles_are_halved_once_one_picture_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esrgan_train.inference.upscaler.automatic_tile", lambda *_: 200)
    greedy = Greedy(of_rows=100)
    enlarge = upscaler(None, net=greedy)
    found = Together(enlarge, 2)(pictures(2, (210, 30)))
    assert enlarge.tile == 64
    assert np.array_equal(found[1], upscaler(64)(pictures(2, (210, 30))[1]))


def test_other_errors_pass() -> None:
    def fails(_: Tensor) -> Tensor:
        raise RuntimeError("shapes do not fit")

    enlarge = upscaler()
    enlarge._networks[np.dtype(np.uint8)] = (fails, torch.float32)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        Together(enlarge, 2)(pictures(2))


@pytest.mark.parametrize(
    ("device", "asked", "fitting", "size", "expected"),
    [
        ("cpu", None, None, (90, 160), 1),  # a CPU is busy with one
        ("cuda", None, None, (90, 160), 16),
        ("cuda", None, None, (180, 320), 4),
        ("cuda", None, None, (360, 640), 1),
        ("cuda", None, 3 * 90 * 160, (90, 160), 3),  # memory allows three
        ("cpu", 8, None, (90, 160), 8),
        ("cuda", 8, 3 * 90 * 160, (90, 160), 3),
        ("cuda", 8, 10, (90, 160), 1),
    ],
)
def test_how_many_follows_from_device_size_and_memory(
    device: str,
    asked: int | None,
    fitting: int | None,
    size: tuple[int, int],
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    enlarge = upscaler()
    enlarge.device = torch.device(device)
    monkeypatch.setattr(enlarge, "pixels_that_fit", lambda: fitting)
    assert Together(enlarge, asked).size_for(*size) == expected
    assert ("--batch 8 is more than memory allows" in caplog.text) == (asked == 8 and expected < 8)


def test_what_a_pass_sees_of_a_picture() -> None:
    assert upscaler(0).pixels_in_pass(90, 160) == 90 * 160
    assert upscaler(64).pixels_in_pass(1080, 1920) == 74**2  # three convolutions and two at the ends


def test_a_model_of_one_picture_is_refused_a_batch() -> None:
    enlarge = upscaler()
    enlarge.network = OnnxNetwork.__new__(OnnxNetwork)
    enlarge.network.__dict__.update(SimpleNamespace(is_single=True).__dict__)
    with pytest.raises(UserError, match="--batch 2 is not possible: the model takes one picture at a time"):
        Together(enlarge, 2)
    assert Together(enlarge, None).size_for(90, 160) == 1
