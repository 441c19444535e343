"""Two processes on this machine, through gloo, against one."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.loggers.metrics_csv import read_rows
from tests.tiny import tiny

pytestmark = pytest.mark.run

CHECKOUT = Path(__file__).parent.parent
# The learning rate of the published GAN stage; five iterations, of which the last three are GAN iterations.
RUN = (
    *("trainer.max_steps=5", "recipe.start_step=2", "recipe.val_check_interval=5", "recipe.log_every_n_steps=1"),
    *("recipe.pixel_lr=2e-4", "recipe.lr=1e-4", "recipe.init=default"),
    "trainer.num_sanity_val_steps=-1",  # what the first weights score is logged, too
)
TWO = ("trainer.devices=2", "trainer.strategy=ddp", "recipe.batch_size=2")
ONE = ("recipe.batch_size=4",)


def environment() -> dict[str, str]:
    paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p), "OMP_NUM_THREADS": "1"}


def start(folder: Path, command: list[str], *overrides: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*command, *overrides],
        cwd=folder,
        env={**environment(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> tuple[str, str]:
    out, err = process.communicate(timeout=240)
    assert process.returncode == status, out + err
    return out, err


TRAIN = [sys.executable, "-m", "esrgan_train"]


def torchrun(node: int, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--nnodes=2", f"--node-rank={node}"),
        *("--nproc-per-node=1", "--master-addr=127.0.0.1", f"--master-port={port}", "-m", "esrgan_train"),
    ]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def load(run_dir: Path) -> dict[str, Any]:
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one")
    finish(start(folder, TRAIN, *tiny(folder / "run", *RUN, *ONE)))
    return folder / "run"


def assert_same_weights(run_dir: Path, one_process: Path) -> None:
    ours, theirs = load(run_dir), load(one_process)
    assert ours["global_step"] == theirs["global_step"] == 5
    for name, expected in theirs["state_dict"].items():
        difference = (ours["state_dict"][name] - expected).abs().max().item()
        assert difference < 1e-5, f"{name} differs by {difference}"


def assert_equals_one_process(run_dir: Path, one_process: Path) -> None:
    assert_same_weights(run_dir, one_process)
    scored = [row["step"] for row in read_rows(run_dir / "metrics.csv") if row["val/psnr"]]
    assert scored == ["0", "5"]
    for mine, other in zip(
        read_rows(run_dir / "metrics.csv"), read_rows(one_process / "metrics.csv"), strict=True
    ):
        assert mine.keys() == other.keys()
        for name in mine.keys() - {"train/samples_per_second", "train/colour_shift"}:
            if other[name]:
                tolerance = {"rel": 1e-3} if name.startswith("val/") else {"rel": 1e-4, "abs": 1e-5}
                assert float(mine[name]) == pytest.approx(float(other[name]), **tolerance), (name, mine["step"])


def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path, one_process: Path) -> None:
    out, _ = finish(start(tmp_path, TRAIN, *tiny(tmp_path / "run", *RUN, *TWO)))
    assert_equals_one_process(tmp_path / "run", one_process)
    assert out.count("generator     SRVGGNetCompact") == 1  # only the first process talks
    assert "4 crops (2 processes × 2)" in out
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.tools
def test_a_relative_loss_compares_with_the_batch_of_both_processes(tmp_path: Path) -> None:
    # The last bias changes no difference of logits: its gradient is rounding, and Adam makes steps of it.
    options = (
        *("loss/adversarial=relativistic", "discriminator=patchgan", "discriminator.num_layers=2"),
        *("loss.adversarial.weight=10", "loss.adversarial.feature_matching=1"),
        *("loss.adversarial.r1_weight=10", "loss.adversarial.r1_interval=2"),
        *("+optimizer.generator.eps=1e-4", "+optimizer.discriminator.eps=1e-4"),
    )
    for name, share in (("one", ONE), ("two", TWO)):
        finish(start(tmp_path, TRAIN, *tiny(tmp_path / name, *RUN, *options, *share)))
    assert_equals_one_process(tmp_path / "two", tmp_path / "one")


@pytest.mark.slow
def test_two_nodes_of_torchrun_share_one_run_folder(tmp_path: Path, one_process: Path) -> None:
    port = free_port()
    overrides = [o for o in tiny(tmp_path / "unused", *RUN) if not o.startswith("run_dir=")]
    more = (*overrides, "recipe.batch_size=2", "trainer.strategy=ddp", "trainer.num_nodes=2")
    nodes = [start(tmp_path, torchrun(node, port), *more) for node in range(2)]
    for node in nodes:
        finish(node)
    (run_dir,) = (tmp_path / "runs" / "x4_prelu").iterdir()
    assert_equals_one_process(run_dir, one_process)


@pytest.mark.slow
def test_not_a_number_in_one_process_is_skipped_by_both(tmp_path: Path) -> None:
    (tmp_path / "poison.py").write_text(
        "import os, torch\n"
        "class Poison(torch.nn.L1Loss):\n"
        "    calls = 0\n"
        "    def forward(self, sr, target):\n"
        "        Poison.calls += 1  # the first is the trial before the run\n"
        "        bad = Poison.calls == 3 and os.environ.get('LOCAL_RANK') == '1'\n"
        "        return super().forward(sr, target) * (float('nan') if bad else 1.0)\n"
    )
    more = (*TWO, "trainer.max_steps=4", "recipe.start_step=10", "loss.pixel.function._target_=poison.Poison")
    out, _ = finish(start(tmp_path, TRAIN, *tiny(tmp_path / "run", *more)))
    assert "iteration 2 was skipped: not finite: pixel" in out
    checkpoint = load(tmp_path / "run")
    assert checkpoint["global_step"] == 4
    assert {int(state["step"]) for state in checkpoint["optimizer_states"][0]["state"].values()} == {3}
    assert all(tensor.isfinite().all() for tensor in checkpoint["state_dict"].values())
    assert (tmp_path / "run" / "nonfinite" / "step_00000002.json").exists()


@pytest.mark.tools
def test_when_a_worker_of_one_process_dies_both_save_and_end_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(
        "import os, signal\n"
        "from esrgan_train.degradation import BicubicDegradation\n"
        "class Deadly(BicubicDegradation):\n"
        "    calls = 0\n"
        "    def __call__(self, hr, rng):\n"
        "        Deadly.calls += 1\n"
        "        if Deadly.calls == 12 and os.environ.get('LOCAL_RANK') == '1':\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().__call__(hr, rng)\n"
    )
    deadly = ("degradation=bicubic", "degradation._target_=deadly.Deadly", "data.num_workers=1")
    more = (*TWO, *deadly, "trainer.max_steps=50", "recipe.start_step=100", "recipe.val_check_interval=1000")
    out, err = finish(start(tmp_path, TRAIN, *tiny(tmp_path / "run", *more)), status=1)
    (line,) = err.strip().splitlines()
    assert "was killed by SIGKILL; memory ran out, most likely" in line
    assert re.search(r"resume with: \S*python\S* -m esrgan_train", line)
    done = load(tmp_path / "run")["global_step"]
    assert 0 < done < 12
    assert f"no more data after {done} iterations; saved" in out


@pytest.mark.tools
def test_when_one_process_dies_the_other_stops_soon_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(
        "import os, signal, torch\n"
        "class Deadly(torch.nn.L1Loss):\n"
        "    calls = 0\n"
        "    def forward(self, sr, target):\n"
        "        Deadly.calls += 1\n"
        "        if Deadly.calls == 4 and os.environ.get('LOCAL_RANK') == '1':\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().forward(sr, target)\n"
    )
    more = (*TWO, "trainer.max_steps=50", "recipe.start_step=100", "loss.pixel.function._target_=deadly.Deadly")
    started = time.monotonic()
    process = start(tmp_path, TRAIN, *tiny(tmp_path / "run", *more))
    _, err = finish(process, status=1)
    assert "another process of this run has ended" in err
    assert re.search(r"there is no checkpoint yet, so start again with: \S*python\S* -m esrgan_train", err)
    assert time.monotonic() - started < 120


@pytest.mark.slow
def test_what_one_process_cannot_read_is_named_and_counted_in_the_first(tmp_path: Path) -> None:
    for folder in ("train", "val"):
        (tmp_path / folder).mkdir()
        for number in range(10):
            pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{number}.png")

    def cut_off(name: str) -> None:
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:2000])

    folders = (f"data.train_dir={tmp_path}/train", f"data.val_dir={tmp_path}/val", "recipe=demo", "data=folder")
    cut_off("train/6.png")
    cut_off("val/1.png")  # the second process takes those with odd numbers
    out, _ = finish(start(tmp_path, TRAIN, *tiny(tmp_path / "run", *RUN, *TWO, *folders)))
    assert out.count("val/1.png cannot be read") == out.count("train/6.png cannot be read") == 1
    assert json.loads((tmp_path / "run/summary.json").read_text())["bad_samples"] == 2

    cut_off("val/4.png")
    process = start(tmp_path, TRAIN, *tiny(tmp_path / "again", *RUN, *TWO, *folders))
    _, err = finish(process, status=2)
    assert err.count("error: ") == err.count("exceeded: 2 of 10 held-out photos cannot be read") == 1
