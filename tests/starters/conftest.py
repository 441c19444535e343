from __future__ import annotations

from pathlib import Path

import pytest
import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.modelfiles.weights import save_model
from esrgan_train.starters import catalogue
from esrgan_train.starters.catalogue import NETWORK, STARTERS


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, SRVGGNetCompact]:
    """Random networks in place of the models that ship, by name; each answers differently."""
    folder = tmp_path / "starters"
    folder.mkdir()
    monkeypatch.setattr(catalogue, "FOLDER", folder)
    made = {}
    for seed, starter in enumerate(STARTERS):
        torch.manual_seed(seed)
        made[starter.name] = SRVGGNetCompact(**NETWORK, upscale=starter.scale).eval()
        options = {**NETWORK, "upscale": starter.scale}
        save_model(starter.file, made[starter.name].state_dict(), {"arch": "srvgg", "options": options})
    return made
