"""What has to be measured in a process of its own; prints its figures as one line of JSON.

``python -m benchmarks.child memory|processes|upscale SIDE SIZES``, with the sizes as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from benchmarks.enlarging import measure_upscaling
from benchmarks.iterations import Contender, contenders
from benchmarks.ours import random_batch
from benchmarks.sizes import Sizes
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.errors import RunError

_TIMED = 3  # iterations of one process among several
_STATUS = Path("/proc/self/status")


def start_child(task: str, side: str, sizes: Sizes, **environment: str) -> subprocess.Popen[str]:
    """A process that measures ``task`` of ``side``."""
    command = [sys.executable, "-m", "benchmarks.child", task, side, json.dumps(asdict(sizes))]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def result_of(child: subprocess.Popen[str], name: str) -> dict[str, Any]:
    """What the child printed last, once it has ended; ``name`` says what it measured.

    Raises:
        RunError: it failed.
    """
    out, err = child.communicate()
    if child.returncode:
        last = err.strip().splitlines()[-1:] or ["it said nothing"]
        raise RunError(f"a process of the benchmark failed ({name}): {last[0]}")
    result: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return result


def has_peak_memory() -> bool:
    """Whether this system tells a process's peak memory, and lets it be reset."""
    return _STATUS.is_file() and Path("/proc/self/clear_refs").exists()


def peak_memory() -> int:
    """Bytes: the most that this process has held since ``forget_peak``."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Start ``peak_memory`` anew. Without this, a child would begin with what its parent held."""
    Path("/proc/self/clear_refs").write_text("5")


def measure_memory(side: str, sizes: Sizes) -> dict[str, Any]:
    """Bytes held before, and at most during two iterations of both players."""
    step = _one_side(side, sizes, sizes.gan_batch)
    forget_peak()
    before = _status("VmRSS")
    step()
    step()
    return {"before": before, "peak": peak_memory(), "losses": step.losses}


def measure_processes(sizes: Sizes) -> dict[str, Any]:
    """Seconds of each iteration; the batch is split between the processes that the environment tells of."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if world > 1:
        dist.init_process_group("gloo")
    step = _one_side("ours", sizes, max(1, sizes.gan_batch // world))
    step()
    seconds = []
    for _ in range(_TIMED):
        if world > 1:
            dist.barrier()
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    if world > 1:
        dist.destroy_process_group()
    return {"seconds": seconds, "losses": step.losses}


def _one_side(side: str, sizes: Sizes, batch_size: int) -> Contender:
    """``ours`` or ``peer``, alone in this process."""
    batch = random_batch(batch_size=batch_size, gt_size=sizes.gt_size, upscale=4)
    return contenders(sizes, batch, {"ours": []}, stage="gan", only=side)[side]


def _status(key: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
    return int(lines[key].split()[0]) * 1024


def main() -> None:
    """Measure and print."""
    options = _parser().parse_args()
    side, given = options.side, json.loads(options.sizes)
    if side == "ours":
        keep_freed_memory()  # as training does
    chosen = Sizes(**{**given, **{name: tuple(given[name]) for name in ("photo_size", "worker_samples")}})
    measures = {
        "memory": lambda: measure_memory(side, chosen),
        "processes": lambda: measure_processes(chosen),
        "upscale": lambda: measure_upscaling(side),
    }
    result = measures[options.task]()
    print(json.dumps(result))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.child",
        description="Measure one thing in a process of its own; the benchmark starts this itself.",
    )
    parser.add_argument("task", choices=("memory", "processes", "upscale"), help="what to measure")
    parser.add_argument("side", choices=("ours", "peer", "32", "bf16"), help="whose code, or our precision")
    parser.add_argument("sizes", metavar="SIZES", help="the benchmark's sizes, as JSON")
    return parser


if __name__ == "__main__":
    main()
