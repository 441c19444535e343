from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torchmetrics.functional.image import dists as published
from torchvision.models import vgg

from esrgan_train.config import compose_config
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.metrics.dists import Dists
from esrgan_train.metrics.learned import DISTS
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.train import train
from tests.tiny import tiny


@pytest.fixture
def _weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG16's convolutions with random weights, in place of those in a cache of torch.hub."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch_home"))
    torch.manual_seed(0)
    network = SimpleNamespace(features=vgg.make_layers(vgg.cfgs["D"]))
    DISTS.file.parent.mkdir(parents=True)
    DISTS.file.touch()  # what is there is known by its name
    monkeypatch.setattr(published, "vgg16", lambda weights: network)  # noqa: ARG005


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("_weights")
def test_it_is_that_of_torchmetrics_on_the_middle_of_large_images() -> None:
    generator = torch.Generator().manual_seed(1)
    hr = torch.randint(0, 256, (1, 3, 96, 520), generator=generator) / 255
    sr = torch.randint(0, 256, (1, 3, 96, 520), generator=generator) / 255
    metric = Dists()
    metric.update(sr, hr)
    middle = [image[..., 4:516] for image in (sr, hr)]
    expected = published.deep_image_structure_and_texture_similarity(*middle, reduction="mean")
    assert metric.compute().item() == pytest.approx(expected.item(), rel=1e-5)
    metric.update(hr[:, :1], hr[:, :1])
    assert metric.compute().item() == pytest.approx(0, abs=1e-5)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("_weights")
def test_where_its_weights_are_it_chooses_the_best_of_the_gan_stage(tmp_path: Path) -> None:
    more = ("recipe.start_step=4", "trainer.max_steps=12", "data.val_max_size=96", "data.val_draws=1")
    train(compose_config(tiny(tmp_path / "run", *more)))
    rows = [row for row in read_rows(tmp_path / "run" / "metrics.csv") if row.get("val/dists")]
    values = {int(row["step"]): float(row["val/dists"]) for row in rows}
    best = min((8, 12), key=lambda step: values[step])
    told = json.loads((tmp_path / "run" / "summary.json").read_text())["best"]
    assert told["gan"].keys() == {"val/dists", "step", "file"}
    assert told["gan"]["step"] == best
    note = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert note["holds"] == f"GAN stage, iteration {best}: the best by val/dists {values[best]:.4g}"
    assert load_weights(tmp_path / "run" / "model" / "x4_prelu.pth").metadata["iterations"] == best


def test_what_is_fetched_is_what_torchmetrics_takes() -> None:
    assert published.VGG16_Weights.DEFAULT.url == DISTS.url
