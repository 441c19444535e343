"""What every test needs before it starts."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest
import torch
import torchvision.transforms.functional as transforms_functional
from filelock import FileLock

from tests.dead_workers import pytest_sessionfinish, pytest_terminal_summary, pytest_testnodedown
from tests.tiny import tiny

__all__ = ["pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]

# The published code (basicsr) imports a module that newer torchvision removed.
_shim = types.ModuleType("torchvision.transforms.functional_tensor")
_shim.rgb_to_grayscale = transforms_functional.rgb_to_grayscale  # type: ignore[attr-defined]
sys.modules.setdefault(_shim.__name__, _shim)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of our own."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files again")
    parser.addoption("--device", default="cuda", choices=["cuda", "cpu"], help="what tests marked gpu run on")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written again."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A run of eight iterations that has finished, with the checkpoints of all validations; copy it to change it.

    The stages change after five iterations, and every second one is validated. All workers share it.
    """
    from esrgan_train.config import compose_config  # tests marked gpu also run where Hydra is not installed
    from esrgan_train.train import train

    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished" / "run"
    with FileLock(f"{folder.parent}.lock"):
        if not folder.exists():
            course = ("recipe.start_step=5", "scheduler=constant", "recipe.val_check_interval=2")
            kept = ("trainer.max_steps=8", "callbacks.checkpoints.every_n_steps=2")
            train(compose_config(tiny(folder, *course, *kept)))
    return folder


@pytest.fixture
def device(request: pytest.FixtureRequest) -> torch.device:
    """What a test marked ``gpu`` runs on: the GPU, or with ``--device cpu`` the processor."""
    return torch.device(request.config.getoption("--device"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that read the finished run; without a GPU, skip those that need one."""
    lacking = config.getoption("--device") == "cuda" and not torch.cuda.is_available()
    for item in items:
        if "finished_run" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.run)
        if "gpu" in item.keywords and lacking:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


# Tests that run side by side, one per core, would only take each other's turn with more threads.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start
    torch.set_num_threads(1)
