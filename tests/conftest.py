"""What every test needs before it starts."""

from __future__ import annotations

import os
import sys
import types

import pytest
import torch
import torchvision.transforms.functional as transforms_functional

from tests.dead_workers import pytest_sessionfinish, pytest_testnodedown

__all__ = ["pytest_sessionfinish", "pytest_testnodedown"]

# The published code (basicsr) imports a module that newer torchvision removed.
_shim = types.ModuleType("torchvision.transforms.functional_tensor")
_shim.rgb_to_grayscale = transforms_functional.rgb_to_grayscale  # type: ignore[attr-defined]
sys.modules.setdefault(_shim.__name__, _shim)


def pytest_addoption(parser: pytest.Parser) -> None:
    """One flag for all golden files."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files again")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written again."""
    return bool(request.config.getoption("--update-golden"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a GPU, the tests that need one are skipped."""
    if torch.cuda.is_available():
        return
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


# Tests that run side by side, one per core, would only take each other's turn with more threads.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start
    torch.set_num_threads(1)
