"""Validation of one large photo in a process of its own, which reports its peak memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tiny import tiny

pytestmark = pytest.mark.run

_MOST_MB = 600
_CHILD = """
import sys
from pathlib import Path
import torch
from esrgan_train.build import build_datamodule, build_module
from esrgan_train.config import compose_config
from esrgan_train.training.precision import Precision

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

cfg = compose_config(sys.argv[1:])
datamodule = build_datamodule(cfg)
module = build_module(cfg, Precision("32", "cpu", "as requested")).eval()
before = peak()
with torch.inference_mode():
    for batch in datamodule.val_dataloader():
        module.validation_step(batch, 0)
print(peak() - before, batch["hr"].shape[-1], module.validation.figures()["val/psnr_bicubic"])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of memory")
def test_a_large_held_out_photo_takes_little_memory(tmp_path: Path) -> None:
    tile = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    photo = tile.repeat(100, 0).repeat(100, 1)  # 24 megapixels
    for folder in ("train", "val"):
        (tmp_path / folder).mkdir()
    Image.fromarray(photo).save(tmp_path / "val/large.jpg")
    Image.fromarray(photo[:64, :64]).save(tmp_path / "train/small.png")
    folders = (f"data.train_dir={tmp_path / 'train'}", f"data.val_dir={tmp_path / 'val'}")
    overrides = tiny(tmp_path / "run", "data=folder", "recipe=demo", *folders)
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *overrides], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    grown, side, psnr = map(float, done.stdout.split())
    assert side == 2048
    assert psnr > 10
    print(grown)
    assert 100 < grown < _MOST_MB
