"""A source of one's own is one file, named by ``data._target_``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrgan_train.build import build_datamodule
from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.train import train
from tests.tiny import tiny

DOCS = Path(__file__).parents[2] / "docs" / "data.md"

WRONG = """
def nothing():
    return None
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file of the documentation, another, and a film for the former."""
    (block,) = re.findall(r"^```python\n# my_film\.py\n(.*?)^```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "my_film.py").write_text(block)
    (tmp_path / "my_mistake.py").write_text(WRONG)
    pictures = [np.random.default_rng(n).integers(0, 256, (90, 120, 3), dtype=np.uint8) for n in range(12)]
    first, *others = map(Image.fromarray, pictures)
    first.save(tmp_path / "film.webp", save_all=True, append_images=others, lossless=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("my_film", "my_mistake"):
        sys.modules.pop(name, None)


def overrides(*more: str) -> list[str]:
    return tiny(Path("run"), "data._target_=my_film.frames", "+data.film=film.webp", "+data.held_out=4", *more)


@pytest.mark.run
def test_the_example_of_the_documentation_trains() -> None:
    train(compose_config(overrides("trainer.max_steps=2", "recipe.start_step=5", "recipe.val_check_interval=2")))
    assert json.loads(Path("run/summary.json").read_text())["samples"] == 4


def test_its_samples_and_held_out_frames_are_those_of_the_film() -> None:
    module = build_datamodule(compose_config(overrides()))
    assert module.describe() == "9 photos from Film, 3 held out"
    assert {module.training.sample(n).name for n in range(9)} == {f"frame {n}" for n in range(12) if n % 4}
    assert [module.validation[i]["name"] for i in range(3)] == ["frame 0", "frame 4", "frame 8"]
    assert module.validation[2]["hr"].shape == (3, 88, 120)


def test_its_keys_are_checked_beside_those_of_the_stream() -> None:
    check(compose_config(overrides()))
    for wrong, message in (
        ("+data.flim=a", r"data\.flim=a: my_film\.frames has no such argument"),
        ("data.held_out=1", r"data\.held_out=1: give a whole number from 2 on"),
        ("data.batch_size=0", r"data\.batch_size=0: give a whole number from 1 on"),
    ):
        with pytest.raises(UserError, match=message):
            check(compose_config(overrides(wrong)))


def test_a_function_that_returns_no_sources_is_refused() -> None:
    cfg = compose_config(tiny(Path("run"), "data._target_=my_mistake.nothing"))
    refusal = r"data\._target_=my_mistake\.nothing: it returns None; it must return .*Sources"
    with pytest.raises(UserError, match=refusal):
        build_datamodule(cfg)
