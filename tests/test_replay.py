from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.replay import main, read_config
from tests.tiny import tiny


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    cfg = compose_config(tiny(folder, "seed=5"))
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True))
    return folder


def test_a_sample_comes_out_as_the_run_met_it(run: Path) -> None:
    met = build_datamodule(compose_config(tiny(run, "seed=5"))).training.sample(17)
    again = build_datamodule(read_config(run)).training.sample(17)
    assert np.array_equal(met.lr, again.lr)
    assert np.array_equal(met.hr, again.hr)


@pytest.mark.run
def test_it_draws_and_describes_the_samples(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert main([str(run), "3", "17"]) == 0
    assert [line.partition(":")[0] for line in caplog.messages[:2]] == ["sample 3", "sample 17"]
    width, height = Image.open(run / "replay.png").size
    assert width > 64
    assert height > 64


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no run folder"):
        main([str(tmp_path), "0"])
