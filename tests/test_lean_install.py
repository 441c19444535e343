"""What needs neither Hydra, OmegaConf, hydra-zen, wandb, imagecodecs nor spandrel works without them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lean import MISSING

ROOT = Path(__file__).parents[1]
ROOMS = (
    "images degradation archs data losses metrics inference training loggers callbacks prepare upscale gpu_check"
)

EVERYTHING_IN = """
import importlib, pkgutil
from tests.lean import refuse
refuse()
import esrgan_train
for room in "{rooms}".split():
    module = importlib.import_module(f"esrgan_train.{{room}}")
    for each in pkgutil.walk_packages(getattr(module, "__path__", []), f"{{module.__name__}}."):
        if each.name not in ("esrgan_train.archs.choices", "esrgan_train.prepare.__main__"):
            importlib.import_module(each.name)
print("imported")
"""
AN_IMPORT = "from tests.lean import refuse; refuse(); import {name}"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # Hydra comes with one
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", MISSING)
def test_the_refusal_refuses(name: str) -> None:
    ended = python("-c", AN_IMPORT.format(name=name))
    assert ended.stderr.strip().endswith(f"ModuleNotFoundError: No module named '{name}'")


@pytest.mark.slow
@pytest.mark.run
def test_every_file_of_these_rooms_imports() -> None:
    ended = python("-c", EVERYTHING_IN.format(rooms=ROOMS))
    assert ended.stdout == "imported\n", ended.stderr


@pytest.mark.slow
@pytest.mark.run
def test_networks_losses_and_runs_put_together_in_python_work() -> None:
    files = ("tests/gpu/test_networks.py", "tests/gpu/test_losses.py", "tests/gpu/test_whole_run.py")
    ended = python("-m", "tests.lean", "pytest", "-q", "-m", "gpu", "-o", "addopts=-ra", "--device", "cpu", *files)
    assert ended.returncode == 0, ended.stdout
    assert "hydra-core is not installed" in ended.stdout
    assert " passed, 1 skipped" in ended.stdout
