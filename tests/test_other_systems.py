"""What only some systems have is asked for before it is used: on others the names are not there."""

from __future__ import annotations

import ast
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.data import TensorDataset

import esrgan_train
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.bounds import fits
from esrgan_train.checks.schema import FileName
from esrgan_train.commands import command, shell_word
from esrgan_train.data.loader import PhotoLoader
from esrgan_train.files import replacing
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


@pytest.mark.slow
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


def run_script(folder: Path, code: str) -> str:
    """What a program in a folder prints; spawned processes need it as a file."""
    (folder / "spawned.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "spawned.py"],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    run_script(tmp_path, SPAWNED_RUN)
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["iterations"] == 4


SPAWNED_PACKING = """
import multiprocessing, sys
import numpy as np
from PIL import Image
from esrgan_train.prepare.__main__ import main

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn", force=True)
    sys.platform = "darwin"
    for seed in range(3):
        noise = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
        Image.fromarray(noise).save(f"photos/{seed}.png")
    sys.exit(main(["photos", "-o", "packed", "--workers", "2"]))
"""


@pytest.mark.tools
def test_photos_are_packed_where_processes_are_not_forked(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    assert "3 kept" in run_script(tmp_path, SPAWNED_PACKING)


def test_the_signals_of_this_system_are_taken():
    assert {signal.SIGINT, signal.SIGTERM} <= set(SIGNALS)


# files


def test_a_file_is_flushed_through_a_descriptor_that_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Windows refuses to flush a file that is open for reading only."""
    fcntl = pytest.importorskip("fcntl")
    flush, modes = os.fsync, []

    def fsync(descriptor: int) -> None:
        mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
        modes.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), mode))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with replacing(tmp_path / "last.ckpt", durable=True) as partial:
        partial.write_bytes(b"weights")
    assert modes == [(False, os.O_RDWR), (True, os.O_RDONLY)]
    assert (tmp_path / "last.ckpt").read_bytes() == b"weights"


def opened_as_text(file: Path) -> list[tuple[int, str]]:
    """Line and name of each call that opens a file as text and leaves its encoding to the system."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        modes = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        in_text = "newline" in keywords or (
            len(node.args) == 1 and any(set(mode) <= set("rwaxt+") for mode in modes)
        )
        as_text = node.func.attr in ("read_text", "write_text") or (node.func.attr == "open" and in_text)
        if as_text and "encoding" not in keywords:
            found.append((node.lineno, node.func.attr))
    return found


def test_no_file_of_text_is_read_in_the_encoding_of_the_system():
    """Windows takes cp1252 where none is named."""
    package = Path(esrgan_train.__file__).parent
    found = {file.relative_to(package).as_posix(): opened_as_text(file) for file in package.rglob("*.py")}
    assert {name: calls for name, calls in found.items() if calls} == {}


# the console

TOLD = """
import logging, sys
from esrgan_train.cli import run_command
from esrgan_train.errors import UserError

def command():
    logging.getLogger("esrgan_train").info("写真.png → ×4")
    raise UserError("写真.png does not exist")

sys.exit(run_command(command))
"""


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii"])
def test_a_letter_that_the_console_lacks_ends_no_command(encoding: str, tmp_path: Path):
    settings = {**ENVIRONMENT, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", TOLD], cwd=tmp_path, env=settings, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 2, done.stderr
    assert b"\\u5199\\u771f.png" in done.stdout
    assert done.stderr.strip() == b"error: \\u5199\\u771f.png does not exist"


@pytest.mark.parametrize(
    "path", [r"C:\my photos", "D:\\photos (2024)\\", r"\\server\share\été", "a&b;c", 'say "x"', r'a\\" b', ""]
)
def test_a_command_to_paste_is_quoted_as_programs_of_windows_read_it(path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ESRGAN_TRAIN_ARCHS", "mine")  # is set in the shell already
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("esrgan_train.commands.interpreter", lambda: "python")
    line = command("esrgan_train", f"data.train_dir={path} ", "ckpt_path=last")  # the space forces the quotes
    expected = subprocess.list2cmdline(
        ["python", "-m", "esrgan_train", f"data.train_dir={path} ", "ckpt_path=last"]
    )
    assert line == expected
    assert shell_word(r"data.train_dir=C:\photos") == r"data.train_dir=C:\photos"
    assert shell_word("x=(1)") == '"x=(1)"'


def test_a_name_with_a_colon_is_refused_where_it_means_a_stream(monkeypatch: pytest.MonkeyPatch):
    assert fits("x4: mine", FileName)
    monkeypatch.setattr(sys, "platform", "win32")
    assert not fits("x4: mine", FileName)
    assert fits("x4_mine", FileName)


def test_the_signal_of_ctrl_break_is_taken_where_there_is_one():
    ask = "import signal; signal.SIGBREAK = 21; from esrgan_train.signals import SIGNALS; print(21 in SIGNALS)"
    done = subprocess.run([sys.executable, "-c", ask], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
