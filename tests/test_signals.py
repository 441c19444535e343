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

pytestmark = pytest.mark.tools  # kills

CHECKOUT = Path(__file__).parent.parent
RUN = ("trainer.max_steps=2000", "recipe.start_step=3", "recipe.val_check_interval=100000")


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    return start_with(folder, tiny(folder / "run", *RUN, *overrides))


def start_with(folder: Path, overrides: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "esrgan_train", *overrides],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_training(run_dir: Path, rows: int = 4) -> None:
    deadline = time.monotonic() + 120
    path = run_dir / "metrics.csv"
    while not path.exists() or len(path.read_text().splitlines()) < rows:
        assert time.monotonic() < deadline, "training did not start"
        time.sleep(0.05)


def resumed_by(err: str, start_with: str) -> list[str]:
    """The overrides of the command that the one line on stderr tells to go on with."""
    (line,) = err.strip().splitlines()
    assert line.startswith(start_with), line
    command = shlex.split(line.partition("resume with: ")[2])
    assert command[1:3] == ["-m", "esrgan_train"]
    return command[3:]


def iterations(folder: Path) -> int:
    return int(torch.load(folder / "run/checkpoints/last.ckpt", weights_only=True)["global_step"])


def test_a_signal_to_the_whole_group_saves_and_the_printed_command_resumes(tmp_path: Path) -> None:
    """As ``timeout``, systemd and SLURM send it: the workers get it too."""
    overrides = tiny(tmp_path / "run", *RUN, "data.num_workers=2")
    done = 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        process = start_with(tmp_path, overrides)
        wait_for_training(tmp_path / "run", rows=4 + done // 2)
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 128 + number, out + err
        before, done = done, iterations(tmp_path)
        assert done > before
        assert (
            before == 0 or f"resuming      {tmp_path}/run/checkpoints/last.ckpt, after {before} iterations" in out
        )
        overrides = resumed_by(err, f"stopped by {number.name} after {done} iterations; saved; resume with: ")


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    files = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(pid) for file in files for pid in file.read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc to find the workers in")
def test_a_killed_worker_ends_the_run_after_saving(tmp_path: Path) -> None:
    process = start(tmp_path, "data.num_workers=2")
    wait_for_training(tmp_path / "run")
    worker = workers_of(process)[0]
    os.kill(worker, signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, out + err
    resumed_by(err, f"error: worker process {worker} was killed by SIGKILL; memory ran out, most likely: ")
    assert f"warning: no more data after {iterations(tmp_path)} iterations; saved" in out
    assert f"worker process {worker} was killed" in (tmp_path / "run/train.log").read_text()


def test_a_stop_does_not_wait_for_a_worker_that_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "hanging.py").write_text(
        "from pathlib import Path\n"
        "from esrgan_train.degradation import BicubicDegradation\n"
        "class Hanging(BicubicDegradation):\n"
        "    calls = 0\n"
        "    def __call__(self, hr, rng):\n"
        "        Hanging.calls += 1\n"
        "        if Hanging.calls == 16:\n"
        "            Path('hangs').touch()\n"
        "            Path('fifo').read_bytes()\n"
        "        return super().__call__(hr, rng)\n"
    )
    hanging = ("degradation=bicubic", "degradation._target_=hanging.Hanging", "data.num_workers=2")
    process = start(tmp_path, *hanging)
    wait_for_training(tmp_path / "run")
    while not (tmp_path / "hangs").exists():
        assert process.poll() is None
        time.sleep(0.05)
    asked = time.monotonic()
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, out + err
    assert time.monotonic() - asked < 25  # five seconds for a photo, five for the workers, and what is normal
    resumed_by(err, f"stopped by SIGTERM after {iterations(tmp_path)} iterations; saved; resume with: ")


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
    assert "stopped at once by a second SIGINT, without saving; there is no checkpoint yet, so start again" in err
    assert not (tmp_path / "run" / "checkpoints").exists()
