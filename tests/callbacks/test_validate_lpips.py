from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from torchvision.models import alexnet

from esrgan_train.callbacks.validate_learned import ValidateLpips
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.metrics.lpips import Lpips, weights_file
from esrgan_train.train import train
from tests.tiny import tiny


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch.hub."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch_home"))
    return tmp_path / "torch_home"


@pytest.fixture
def weights(cache: Path) -> None:
    """A cache with an AlexNet of random weights."""
    torch.manual_seed(0)
    file = weights_file()
    assert cache in file.parents
    file.parent.mkdir(parents=True)
    torch.save(alexnet(weights=None).state_dict(), file)


def no_network(*_: object, **__: object) -> None:
    raise OSError("no network")


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("weights")
def test_equal_images_are_at_distance_0_and_farther_ones_farther() -> None:
    hr = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    noise = torch.randn(hr.shape, generator=torch.Generator().manual_seed(2))
    distances = []
    for strength in (0.0, 0.05, 0.3):
        metric = Lpips()
        metric.update(hr + strength * noise, hr)
        distances.append(metric.compute().item())
    assert distances[0] == 0.0
    assert 0 < distances[1] < distances[2]


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("weights")
def test_with_its_weights_it_is_logged_and_in_the_summary(tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(compose_config(tiny(run, "recipe.max_steps=4", "recipe.start_step=2")))
    value = json.loads((run / "summary.json").read_text())["val"]["lpips"]
    assert value > 0
    (row,) = [row for row in read_rows(run / "metrics.csv") if row.get("val/lpips")]
    assert row["step"] == "4"
    assert float(row["val/lpips"]) == pytest.approx(value, rel=1e-5)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("cache")
def test_without_them_one_line_says_why_and_how_to_get_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        train(compose_config(tiny(tmp_path / "run", "recipe.max_steps=4", "recipe.start_step=2")))
    lines = [record.message for record in caplog.records if "lpips" in record.message]
    assert len(lines) == 1
    assert str(weights_file()) in lines[0]
    assert "callbacks.lpips.use=true" in lines[0]
    assert "lpips" not in (tmp_path / "run" / "summary.json").read_text()


@pytest.mark.usefixtures("cache")
def test_asked_for_and_not_to_be_had_is_an_error_before_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(UserError, match=r"lpips.use=true.*cannot be fetched"):
        train(compose_config(tiny(tmp_path / "run", "callbacks.lpips.use=true")))
    assert not (tmp_path / "run").exists()


def test_another_value_is_refused() -> None:
    with pytest.raises(UserError, match=r"use=maybe: give auto or true or false"):
        ValidateLpips(use="maybe")
