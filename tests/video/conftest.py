"""A model for clips, and the command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from esrgan_train import upscale
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.modelfiles.weights import save_model

OPTIONS = {"num_in_ch": 3, "num_out_ch": 3, "num_feat": 12, "num_conv": 1, "upscale": 2, "act_type": "prelu"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """×2, which adds nothing to the enlarged input: each pixel becomes four."""
    network = SRVGGNetCompact(**OPTIONS)
    torch.nn.init.zeros_(network.body[-1].weight)
    torch.nn.init.zeros_(network.body[-1].bias)
    path = tmp_path / "x2.pth"
    save_model(path, network.state_dict(), {"arch": "srvgg", "target": None, "options": OPTIONS, "upscale": 2})
    return path


@pytest.fixture
def enlarge(model: Path) -> Callable[..., int]:
    """The command in float32: ``enlarge(source, target, *options)``."""
    precise = ["--model", str(model), "--precision", "32"]
    return lambda source, target, *more: upscale.main([str(source), "-o", str(target), *precise, *map(str, more)])
