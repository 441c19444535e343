"""The models that ship: each does what its card says, and enlarges better than interpolation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage import data as samples

from esrgan_train.degradation import BicubicDegradation
from esrgan_train.inference.models import load_generator
from esrgan_train.metrics.image_quality import psnr
from esrgan_train.modelfiles.digest import sha256_of
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.starters.catalogue import FOLDER, NETWORK, STARTERS, Starter
from tests.machine import machine
from tests.starters.beginning import allowed, begin, difference
from tests.starters.record import SET

PRESENT = [starter for starter in STARTERS if starter.file.is_file()]
each = pytest.mark.parametrize("starter", PRESENT, ids=lambda starter: starter.name)


def test_all_of_them_ship_each_with_its_card():
    wanted = {file.name for one in STARTERS for file in (one.file, one.card, one.record)}
    assert {file.name for file in FOLDER.iterdir() if file.suffix in (".safetensors", ".md", ".json")} == wanted


def record_of(starter: Starter) -> dict:
    return json.loads(starter.record.read_text(encoding="utf-8"))


@each
def test_the_file_is_the_one_of_the_card(starter: Starter):
    record, model = record_of(starter), load_weights(starter.file)
    assert record["sha256"] == sha256_of(starter.file)
    assert record["bytes"] == starter.file.stat().st_size < 300_000
    assert record["parameters"] == sum(tensor.numel() for tensor in model.state_dict.values())
    assert model.metadata["options"] == record["network"]
    assert model.metadata["upscale"] == starter.scale
    assert NETWORK.items() <= model.metadata["options"].items()


@each
def test_the_card_says_how_it_was_made(starter: Starter):
    record, card = record_of(starter), starter.card.read_text(encoding="utf-8")
    for text in (record["command"], record["commit"], record["licence"], record["processor"], record["sha256"]):
        assert text in card
    assert "data=debian" in record["overrides"]
    assert f"experiment={starter.name}" in record["overrides"]
    assert (record["iterations"]["gan"] == 0) == starter.clean
    assert "GPL-2.0-or-later" in card  # of photographs


@each
def test_on_clean_reductions_it_comes_close_to_or_beats_bicubic(starter: Starter):
    """A photograph that it has never seen; those for everyday pictures pay for what else they take away."""
    hr = samples.astronaut()[:256, :256].astype(np.float32) / 255
    lr = BicubicDegradation(upscale=starter.scale)(hr, np.random.default_rng(0))
    truth, small = (torch.from_numpy(image.copy()).permute(2, 0, 1)[None] for image in (hr, lr))
    with torch.inference_mode():
        sr = load_generator(starter.name)(small)
    bicubic = F.interpolate(small, scale_factor=float(starter.scale), mode="bicubic")
    gain = float(psnr(sr, truth, starter.scale)) - float(psnr(bicubic, truth, starter.scale))
    assert gain > (0.3 if starter.clean else -1)


@pytest.mark.parametrize(
    ("cpu", "name", "value", "wanted"),
    [
        (None, "train/grad_norm_generator", "0.09", 0.01),
        (None, "train/pixel", "0.0201", 1e-4),
        ("another", "train/grad_norm_generator", "0.09", 0),
        ("another", "train/pixel", "0.03", 0.01),
    ],
)
def test_every_figure_counts_on_the_same_processor_and_all_but_the_gradients_on_another(
    cpu: str | None, name: str, value: str, wanted: float
):
    here = machine()
    figures = {"train/pixel": "0.02", "train/grad_norm_generator": "0.08"}
    beginning = {"figures": figures, "machine": here if cpu is None else here | {"cpu": cpu}}
    assert difference(figures | {name: value}, beginning) == pytest.approx(wanted)
    assert allowed(beginning) == (0 if cpu is None else 1e-3)


@each
@pytest.mark.run
@pytest.mark.tools
def test_its_command_begins_as_the_card_says(starter: Starter, tmp_path: Path):
    if not (SET / "train").is_dir():
        pytest.skip("make photos fetches the photographs")
    record = record_of(starter)
    found = begin(record["overrides"], tmp_path / "run", threads=record["threads"])
    assert difference(found, record["beginning"]) <= allowed(record["beginning"])
