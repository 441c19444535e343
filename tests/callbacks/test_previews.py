from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from esrgan_train.callbacks.previews import Previews
from esrgan_train.images.encode import to_uint8
from esrgan_train.training.module import ESRGANModule


def previews(tmp_path: Path, **changed: int) -> Previews:
    return Previews(run_dir=str(tmp_path), **({"max_photos": 2, "crop": 18} | changed))


def show(callback: Previews, lr: torch.Tensor, *, counts: bool = True) -> Any:
    """Pass a batch as the trainer does; what the network made of it."""
    module: Any = ESRGANModule.__new__(ESRGANModule)
    torch.nn.Module.__init__(module)
    module.upscale = 4
    large = {"sr": torch.rand(1, 3, 4 * lr.shape[-2], 4 * lr.shape[-1])}
    large["bicubic"] = F.interpolate(lr, scale_factor=4.0, mode="bicubic")
    batch = {"lr": lr, "hr": large["sr"] / 2, "name": ["a.png"], "counts": torch.tensor([counts])}
    trainer: Any = SimpleNamespace(is_global_zero=True)
    callback.on_validation_batch_end(trainer, module, {"sr": large["sr"]} if counts else {}, batch, 0)
    return large


@pytest.mark.parametrize("size", [(20, 31), (3, 9), (5, 2)])
def test_a_row_shows_the_same_place_of_all_four(size: tuple[int, int], tmp_path: Path) -> None:
    callback, lr = previews(tmp_path), torch.rand(1, 3, *size)
    large = show(callback, lr)
    ((low, bicubic, sr, hr),) = callback._rows
    assert [label for label, _ in (low, bicubic, sr, hr)] == [f"a.png {n}" for n in ("LR", "bicubic", "SR", "HR")]
    shape = tuple(min(side * 4, 16) for side in size)  # whole LR pixels that fit into 18
    top, left = ((side * 4 - kept) // 2 // 4 * 4 for side, kept in zip(size, shape, strict=True))
    whole = {"nearest": F.interpolate(lr, scale_factor=4.0), **large, "hr": large["sr"] / 2}
    for name, (_, tile) in zip(("nearest", "bicubic", "sr", "hr"), (low, bicubic, sr, hr), strict=True):
        cut = whole[name][0, :, top : top + shape[0], left : left + shape[1]]
        assert tile.shape == (*shape, 3)
        assert np.array_equal(tile, to_uint8(cut.permute(1, 2, 0).numpy()))
        assert tile.base is None or tile.base.size <= tile.size  # nothing larger is kept


def test_what_stands_for_no_photo_is_not_shown_and_rows_are_counted(tmp_path: Path) -> None:
    callback, lr = previews(tmp_path), torch.rand(1, 3, 20, 20)
    for counts in (False, True, False, True, True):
        show(callback, lr, counts=counts)
    assert len(callback._rows) == 2
