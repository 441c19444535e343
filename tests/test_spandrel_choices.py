"""Each named network of spandrel: trained over both stages, resumed, and applied to pictures of any size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from esrgan_train.config import compose_config
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.train import train
from esrgan_train.upscale import main as upscale_main
from tests.spandrel_choices import SMALL
from tests.tiny import tiny

SIZES = {"even": (32, 40), "odd": (9, 17), "dot": (1, 1)}


def overrides(folder: Path, name: str, upscale: int, *more: str) -> list[str]:
    own = ("generator.num_feat", "generator.num_conv", "recipe.gt_size", "callbacks.previews")
    kept = [override for override in tiny(folder) if not override.startswith(own)]
    course = (
        "recipe.start_step=2",
        f"upscale={upscale}",
        f"recipe.gt_size={24 * upscale}",
        "data.val_max_size=67",
    )
    return [f"generator={name}", *SMALL[name], *kept, *course, "callbacks.previews.crop=32", *more]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "upscale"),
    [
        pytest.param(
            name, upscale, marks=pytest.mark.run if (name, upscale) == ("safmn", 2) else pytest.mark.tools
        )
        for name in SMALL
        for upscale in (2, 4)
    ],
)
def test_both_stages_train_resume_and_enlarge(tmp_path: Path, name: str, upscale: int) -> None:
    train(compose_config(overrides(tmp_path / "run", name, upscale, "trainer.max_steps=4")))
    train(compose_config(overrides(tmp_path / "run", name, upscale, "trainer.max_steps=6", "ckpt_path=last")))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["iterations"] == 6
    assert np.isfinite(summary["val"]["psnr"])
    model = tmp_path / "run" / "model" / f"x{upscale}_{name}.pth"
    assert str(load_weights(model).target).startswith("spandrel.architectures.")
    photos = tmp_path / "photos"
    photos.mkdir()
    for title, (height, width) in SIZES.items():
        Image.fromarray(skimage.data.chelsea()[50 : 50 + height, 80 : 80 + width]).save(photos / f"{title}.png")
    assert upscale_main([str(photos), "-o", str(tmp_path / "out"), "--model", str(model), "--device", "cpu"]) == 0
    for title, (height, width) in SIZES.items():
        assert Image.open(tmp_path / "out" / f"{title}.png").size == (width * upscale, height * upscale)
