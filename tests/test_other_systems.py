"""What only some systems have is asked for before it is used: on others the names are not there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import TensorDataset

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.data.loader import PhotoLoader
from esrgan_train.inference.memory import automatic_tile
from esrgan_train.signals import SIGNALS

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}

# Names of the standard library that Windows lacks and this package could use.
POSIX = {
    "os": ("fork", "register_at_fork", "sysconf", "sysconf_names", "killpg", "getloadavg", "sched_getaffinity"),
    "signal": ("SIGUSR1", "SIGKILL", "SIGHUP"),
}
WITHOUT = f"""
import importlib, multiprocessing, os, pkgutil, signal, sys
# What libraries do with these names is theirs.
import cv2, hydra, hydra_zen, imagecodecs, lightning.pytorch, matplotlib.figure, rich.progress
import skimage, spandrel, torchmetrics, torchvision
for module, names in {POSIX!r}.items():
    for name in names:
        if hasattr(sys.modules[module], name):
            delattr(sys.modules[module], name)
for absent in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[absent] = None
import esrgan_train
for module in pkgutil.walk_packages(esrgan_train.__path__, "esrgan_train."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from benchmarks.machine import describe_machine
from esrgan_train.signals import SIGNALS
from esrgan_train.cores import usable_cores
print(describe_machine()["memory_gb"], len(SIGNALS), usable_cores() >= 1)
"""


@pytest.mark.run
def test_every_module_can_be_imported_and_asked_without_the_names_of_posix():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", "2", "True"]
    assert all(hasattr(sys.modules[module], names[0]) for module, names in POSIX.items())  # here they are there


@pytest.mark.parametrize("missing", ["SC_AVPHYS_PAGES", None], ids=["macOS", "Windows"])
def test_tiles_are_chosen_where_the_system_does_not_tell_free_memory(
    missing: str | None, monkeypatch: pytest.MonkeyPatch
):
    network = SRVGGNetCompact(num_feat=64, num_conv=1, upscale=2)
    if missing is None:
        monkeypatch.delattr(os, "sysconf_names")
        monkeypatch.delattr(os, "sysconf")
    else:
        monkeypatch.delitem(os.sysconf_names, missing)
    assert automatic_tile(network, 2, torch.device("cpu")) == 256


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_workers_start_as_the_system_starts_processes(platform: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", platform)
    loader = PhotoLoader(TensorDataset(), batch_size=1, sampler=range(1), num_workers=1)
    assert loader.multiprocessing_context is None


SPAWNED = """
import multiprocessing, sys
from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn", force=True)
    sys.platform = "darwin"
    overrides = ["data.num_workers=1", "recipe.gt_size=32", "recipe.batch_size=1"]
    datamodule = build_datamodule(compose_config(overrides))
    datamodule.setup("fit")
    print(next(iter(datamodule.train_dataloader()))["lr"].shape)
"""


@pytest.mark.tools
def test_workers_load_where_processes_are_not_forked(tmp_path: Path):
    (tmp_path / "spawned.py").write_text(SPAWNED)
    done = subprocess.run(
        [sys.executable, "spawned.py"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "torch.Size([1, 3, 8, 8])", done.stderr


SPAWNED_RUN = """
import multiprocessing, sys
from pathlib import Path
from esrgan_train.config import compose_config
from esrgan_train.train import train
from tests.tiny import tiny

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn", force=True)
    sys.platform = "darwin"
    train(compose_config(tiny(Path("run"), "data.num_workers=1", "trainer.max_steps=4")))
"""


@pytest.mark.tools
def test_a_whole_run_trains_and_validates_where_processes_are_not_forked(tmp_path: Path):
    (tmp_path / "spawned_run.py").write_text(SPAWNED_RUN)
    done = subprocess.run(
        [sys.executable, "spawned_run.py"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["iterations"] == 4


def test_the_signals_of_this_system_are_taken():
    assert {signal.SIGINT, signal.SIGTERM} <= set(SIGNALS)
