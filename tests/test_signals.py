from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.tiny import tiny

CHECKOUT = Path(__file__).parent.parent
RUN = ("trainer.max_steps=2000", "recipe.start_step=3", "recipe.val_check_interval=100000")


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "esrgan_train", *tiny(folder / "run", *RUN, *overrides)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_training(run_dir: Path, rows: int = 4) -> None:
    deadline = time.monotonic() + 120
    path = run_dir / "metrics.csv"
    while not path.exists() or len(path.read_text().splitlines()) < rows:
        assert time.monotonic() < deadline, "training did not start"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_tells_how_to_resume_and_ends_with_its_status(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = start(tmp_path)
    wait_for_training(tmp_path / "run")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, out + err
    (line,) = err.strip().splitlines()
    assert line.startswith(f"stopped by {number.name} after ")
    done = torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)["global_step"]
    assert f"after {done} iterations; saved" in line

    command = shlex.split(line.partition("resume with: ")[2])
    assert command[1:3] == ["-m", "esrgan_train"]
    resumed = subprocess.run(
        [*command, f"trainer.max_steps={done + 2}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stderr
    assert f"after {done} iterations" in resumed.stdout
    last = torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == done + 2


def test_the_end_of_max_time_saves_and_is_no_failure(tmp_path: Path) -> None:
    process = start(tmp_path, "trainer.max_time=00:00:00:03")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert "stopped by trainer.max_time after" in err
    assert torch.load(tmp_path / "run/checkpoints/last.ckpt", weights_only=True)["global_step"] > 0


def test_a_second_sigint_stops_at_once(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time, torch\n"
        "class Slow(torch.nn.L1Loss):\n"
        "    calls = 0\n"
        "    def forward(self, sr, target):\n"
        "        Slow.calls += 1\n"
        "        if Slow.calls == 9:\n"
        "            print('sleeping', flush=True)\n"
        "            time.sleep(60)\n"
        "        return super().forward(sr, target)\n"
    )
    process = start(tmp_path, "loss.pixel.function._target_=slow.Slow", "recipe.start_step=5000")
    assert process.stdout is not None
    while "sleeping" not in process.stdout.readline():
        assert process.poll() is None
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT, err
    assert "stopped at once by a second SIGINT" in err
    assert not (tmp_path / "run" / "checkpoints").exists()
