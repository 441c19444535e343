from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from esrgan_train.config import compose_config
from esrgan_train.images.encode import write_image
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.train import train
from tests.tiny import tiny

pytestmark = pytest.mark.run


@pytest.mark.slow
def test_pictures_without_hr_are_shown_and_measured_at_each_validation(tmp_path: Path) -> None:
    real, run = tmp_path / "real", tmp_path / "run"
    for number, left in enumerate((0, 90)):
        write_image(real / f"{number}.png", np.ascontiguousarray(data.chelsea()[:64, left : left + 70]))
    options = (f"data.val_lr_dir={real}", "callbacks.niqe.parameters=auto", "trainer.val_check_interval=1")
    given = [option for option in tiny(run, *options) if option != "callbacks.previews=null"]
    train(compose_config([*given, "trainer.max_steps=2"]))
    train(compose_config([*given, "trainer.max_steps=3", "ckpt_path=last"]))
    sheets = sorted((run / "previews").glob("real_*.png"))
    assert [sheet.name for sheet in sheets] == [f"real_{step:08}.png" for step in (1, 2, 3)]
    first, *others = (np.asarray(Image.open(sheet)) for sheet in sheets)
    assert all(other.shape == first.shape and (other != first).any() for other in others)
    scores = [row["val/niqe_real"] for row in read_rows(run / "metrics.csv") if row["val/niqe_real"]]
    assert len(scores) == 3
    assert all(float(score) > 0 for score in scores)
