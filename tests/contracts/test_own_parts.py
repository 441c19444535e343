"""The contracts from the command line: which option is named, before any folder is made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from esrgan_train.__main__ import main
from tests.tiny import OVERRIDES

pytestmark = pytest.mark.run

MY_PARTS = """
import torch
from torch import nn

class Net(nn.Conv2d):
    def __init__(self, upscale=4):
        super().__init__(3, 3, 3, padding=1)

class Unfinished(nn.Module):
    def __init__(self, upscale=4):
        super().__init__()
        {}["layers"]

class Judge(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 1, 3)
    def forward(self, image):
        return super().forward(image), image

class Map(nn.Module):
    def forward(self, sr, hr):
        return (sr - hr).abs()

class Degradation:
    def __call__(self, hr, rng):
        return (hr[::4, ::4] * 255).astype("uint8")

class Grain:
    def __call__(self, hr, rng):
        return rng.standard_normal(hr.shape)

class Schedule:
    def __call__(self, done, steps):
        return None
"""
CONF = {
    "generator/mine": "_target_: my_parts.Net",
    "generator/unfinished": "_target_: my_parts.Unfinished",
    "discriminator/mine": "_target_: my_parts.Judge",
    "degradation/mine": "_target_: my_parts.Degradation",
    "target_noise/mine": "_target_: my_parts.Grain",
    "scheduler/mine": "_target_: my_parts.Schedule",
}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("generator=mine", "generator._target_=my_parts.Net: it makes 2×3×8×8"),
        ("generator=unfinished", "generator._target_=my_parts.Unfinished: building it fails: KeyError: 'layers'"),
        ("discriminator=mine", "discriminator._target_=my_parts.Judge: its logits are cut off"),
        ("loss.pixel.function._target_=my_parts.Map", "loss.pixel.function._target_=my_parts.Map: the loss is"),
        (
            "loss.adversarial.function._target_=my_parts.Map",
            "loss.adversarial.function._target_=my_parts.Map: it has no method generator",
        ),
        ("degradation=mine", "degradation._target_=my_parts.Degradation: it makes an array of uint8"),
        ("target_noise=mine", "target_noise._target_=my_parts.Grain: it makes an array of float64"),
        ("scheduler=mine", "scheduler._target_=my_parts.Schedule: schedule(0, "),
    ],
)
def test_a_part_with_a_mistake_is_named_by_its_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], override: str, message: str
) -> None:
    (tmp_path / "my_parts.py").write_text(MY_PARTS)
    for name, content in CONF.items():
        file = tmp_path / "conf" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "my_parts", raising=False)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    mine = [o for o in OVERRIDES if not o.startswith(("generator", "discriminator"))]
    arguments = [f"hydra.searchpath=[file://{tmp_path}/conf]", "loss.perceptual.weight=0", *mine, override]
    arguments += ["init_from=any.pth"] if override.startswith("target_noise") else []
    monkeypatch.setattr(sys, "argv", ["esrgan_train", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: {message}")
    assert end.value.code == 2
    assert not (tmp_path / "runs").exists()
