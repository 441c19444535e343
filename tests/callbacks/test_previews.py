from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from esrgan_train.callbacks.previews import Previews, side_shown, tiles_of
from esrgan_train.callbacks.real_pictures import Enlarged
from esrgan_train.images.encode import to_uint8
from esrgan_train.screening.detail import busiest_part
from esrgan_train.screening.luma import luma_of
from esrgan_train.training.module import ESRGANModule


def previews(tmp_path: Path, **changed: int) -> Previews:
    return Previews(run_dir=str(tmp_path), **({"max_photos": 2, "crop": 18} | changed))


def show(callback: Previews, lr: torch.Tensor, *, counts: bool = True, hr: torch.Tensor | None = None) -> Any:
    """Pass a batch as the trainer does; what the network made of it."""
    module: Any = ESRGANModule.__new__(ESRGANModule)
    torch.nn.Module.__init__(module)
    module.upscale = 4
    large = {"sr": torch.rand(1, 3, 4 * lr.shape[-2], 4 * lr.shape[-1])}
    large["bicubic"] = F.interpolate(lr, scale_factor=4.0, mode="bicubic")
    batch = {
        "lr": lr,
        "hr": large["sr"] / 2 if hr is None else hr,
        "name": ["a.png"],
        "counts": torch.tensor([counts]),
    }
    trainer: Any = SimpleNamespace(is_global_zero=True)
    callback.on_validation_batch_end(trainer, module, {"sr": large["sr"]} if counts else {}, batch, 0)
    return large


@pytest.mark.parametrize("size", [(20, 31), (3, 9), (5, 2), (1, 1)])
def test_a_row_shows_the_same_place_of_all_four(size: tuple[int, int], tmp_path: Path) -> None:
    callback, lr = previews(tmp_path), torch.rand(1, 3, *size)
    large = show(callback, lr)
    ((low, bicubic, sr, hr),) = map(tiles_of, callback._shown["step"])
    shape = tuple(min(side * 4, 16) for side in size)  # whole LR pixels that fit into 18
    times = 384 // max(shape)
    labels = [f"LR ×{4 * times}  a.png", *(f"{name} ×{times}" for name in ("bicubic", "SR", "HR"))]
    assert [label for label, _ in (low, bicubic, sr, hr)] == labels
    whole = {"nearest": F.interpolate(lr, scale_factor=4.0), **large, "hr": large["sr"] / 2}
    luma = luma_of(to_uint8(whole["hr"][0].permute(1, 2, 0).numpy()))
    rows, columns = busiest_part(luma, most=18, step=4)
    for name, (_, tile) in zip(("nearest", "bicubic", "sr", "hr"), (low, bicubic, sr, hr), strict=True):
        cut = to_uint8(whole[name][0, :, rows, columns].permute(1, 2, 0).numpy())
        assert cut.shape == (*shape, 3)
        assert np.array_equal(tile, np.kron(cut, np.ones((times, times, 1), np.uint8)))
        assert tile.base is None or tile.base.size <= tile.size  # nothing larger is kept


def test_a_photo_shows_where_its_detail_is_whatever_the_network_makes(tmp_path: Path) -> None:
    hr = torch.full((1, 3, 96, 128), 0.5)
    hr[..., 64:80, 8:24] = torch.rand(16, 16)
    callback = previews(tmp_path, crop=16)
    for _ in range(2):
        show(callback, torch.rand(1, 3, 24, 32), hr=hr)
    one, other = (tiles_of(photo)[3][1] for photo in callback._shown["step"])
    assert np.array_equal(one, other)
    assert np.array_equal(one[::24, ::24], to_uint8(hr[0, :, 64:80, 8:24].permute(1, 2, 0).numpy()))


@pytest.mark.parametrize("upscale", [1, 2, 3, 4])
def test_an_lr_pixel_can_be_seen(upscale: int) -> None:
    side = side_shown(None, upscale)
    assert side // upscale >= 48
    assert 384 // side * upscale >= 4
    assert side_shown(200, upscale) == 200


@pytest.mark.parametrize("size", [(1, 1), (9, 70), (100, 60)])
def test_a_real_picture_is_shown_beside_its_bicubic_enlargement(size: tuple[int, int], tmp_path: Path) -> None:
    callback, lr = previews(tmp_path, max_photos=1), torch.rand(1, 1, *size)
    module: Any = SimpleNamespace(upscale=4)
    for name in ("a.png", "b.png"):
        picture = Enlarged(name, lr, F.interpolate(lr, scale_factor=4.0, mode="nearest"))
        callback.on_real_picture(SimpleNamespace(), module, picture)  # type: ignore[arg-type]
    ((low, bicubic, sr),) = map(tiles_of, callback._shown["real"])
    assert (low[0].split()[-1], bicubic[0][:7], sr[0][:2]) == ("a.png", "bicubic", "SR")
    assert np.array_equal(low[1], sr[1])  # the same place, equally large
    assert bicubic[1].shape == sr[1].shape


def test_what_stands_for_no_photo_is_not_shown_and_rows_are_counted(tmp_path: Path) -> None:
    callback, lr = previews(tmp_path), torch.rand(1, 3, 20, 20)
    for counts in (False, True, False, True, True):
        show(callback, lr, counts=counts)
    assert len(callback._shown["step"]) == 2
