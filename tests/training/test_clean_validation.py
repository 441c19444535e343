from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning import Trainer
from torch.utils.data import DataLoader

from esrgan_train.metrics.image_quality import psnr, ssim
from esrgan_train.training.module import ESRGANModule


def held_out(*, clean: bool) -> list[dict[str, Any]]:
    torch.manual_seed(1)
    photos = []
    for index in range(3):
        item: dict[str, Any] = {"lr": torch.rand(3, 8, 8), "hr": torch.rand(3, 32, 32), "index": index}
        item |= {"name": f"{index}.png", "counts": index < 2}  # the last stands for no photo
        photos.append(item | ({"lr_clean": torch.rand(3, 8, 8)} if clean else {}))
    return photos


def validate(module: ESRGANModule, photos: list[dict[str, Any]]) -> dict[str, float]:
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    trainer.validate(module, DataLoader(photos, batch_size=1), verbose=False)  # type: ignore[arg-type]
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.mark.filterwarnings("ignore:The 'val_dataloader' does not have many workers")
def test_clean_reductions_are_measured_beside_the_degraded(make_module: Callable[..., ESRGANModule]) -> None:
    module, photos = make_module(), held_out(clean=True)
    logged = validate(module, photos)
    for name, enlarge in (
        ("clean", module.ema.module),
        ("clean_bicubic", lambda lr: F.interpolate(lr, scale_factor=4.0, mode="bicubic")),
    ):
        for metric, measure in (("psnr", psnr), ("ssim", ssim)):
            with torch.no_grad():
                scores = [measure(enlarge(p["lr_clean"][None]), p["hr"][None], 4) for p in photos[:2]]
            assert logged[f"val/{metric}_{name}"] == pytest.approx(float(torch.cat(scores).mean()), abs=1e-5)
    plain = validate(make_module(), held_out(clean=False))
    assert {name for name in logged if name not in plain} == {
        *("val/psnr_clean", "val/ssim_clean", "val/psnr_clean_bicubic", "val/ssim_clean_bicubic")
    }


@pytest.mark.filterwarnings("ignore:The 'val_dataloader' does not have many workers")
def test_the_degraded_figures_do_not_depend_on_the_clean_ones(make_module: Callable[..., ESRGANModule]) -> None:
    photos = held_out(clean=True)
    with_clean = validate(make_module(), photos)
    without = validate(make_module(), [{k: v for k, v in p.items() if k != "lr_clean"} for p in photos])
    assert "val/psnr" in without
    assert {name: with_clean[name] for name in without} == without
