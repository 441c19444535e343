"""Kills a run again and again, resumes it each time, and compares its end with a run left in peace.

``python -m tests.torture [--kills 20]``; ``make torture``.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.tiny import tiny

CHECKOUT = Path(__file__).parent.parent
ITERATIONS = 400
RUN = (
    *(f"trainer.max_steps={ITERATIONS}", "recipe.start_step=150", "recipe.val_check_interval=10"),
    *("training.accumulate=2", "data.num_workers=1", "ckpt_path=auto"),
)


def start(run_dir: Path) -> subprocess.Popen[str]:
    """The run, going on from whatever is there."""
    return subprocess.Popen(
        [sys.executable, "-m", "esrgan_train", *tiny(run_dir, *RUN)],
        cwd=run_dir.parent,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # its workers die with it
    )


def kill_at_random(run_dir: Path, rng: random.Random) -> str:
    """Start the run, let it train for a random moment, kill it; what it printed."""
    process = start(run_dir)
    step_before, deadline = last_saved(run_dir), time.monotonic() + 120
    # Start-up takes longest by far; most kills should meet a run that trains, validates or saves.
    if rng.random() < 0.9:
        while last_saved(run_dir) == step_before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
    time.sleep(rng.uniform(0, 1.5))
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()[0]


def last_saved(run_dir: Path) -> int:
    """When the last checkpoint was written, in nanoseconds; 0 if there is none."""
    path = run_dir / "checkpoints" / "last.ckpt"
    return path.stat().st_mtime_ns if path.exists() else 0


def differences(ours: Path, theirs: Path) -> list[str]:
    """Names of the tensors of two runs' last checkpoints that are not equal bit for bit."""
    one, other = (torch.load(p / "checkpoints" / "last.ckpt", weights_only=True) for p in (ours, theirs))
    assert one["global_step"] == other["global_step"] == ITERATIONS
    pairs = {name: (tensor, other["state_dict"][name]) for name, tensor in one["state_dict"].items()}
    for number, (mine, its) in enumerate(zip(one["optimizer_states"], other["optimizer_states"], strict=True)):
        for index, state in mine["state"].items():
            for name, value in state.items():
                pairs[f"optimizer {number} {index} {name}"] = value, its["state"][index][name]
    assert pairs
    return [name for name, (a, b) in pairs.items() if not torch.equal(a, b)]


def main() -> int:
    """Torture, compare, tell; 0 if nothing differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        tortured, peaceful = Path(folder) / "tortured", Path(folder) / "peaceful"
        said = []
        for number in range(options.kills):
            said.append(kill_at_random(tortured, rng))
            print(
                f"kill {number + 1}: checkpoint {'there' if last_saved(tortured) else 'not yet there'}", flush=True
            )
        for run_dir in (tortured, peaceful):
            process = start(run_dir)
            said.append(process.communicate()[0])
            if process.returncode:
                print(said[-1])
                return 1
        unreadable = [line for text in said for line in text.splitlines() if "is damaged" in line]
        differing = differences(tortured, peaceful)
        found = f"unreadable files met: {len(unreadable)}; tensors that differ: {len(differing)}"
        print(f"{options.kills} kills; {found}")
        print("\n".join([*unreadable, *differing]))
        return 1 if unreadable or differing else 0


if __name__ == "__main__":
    sys.exit(main())
