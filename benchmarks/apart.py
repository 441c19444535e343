"""Rows that need processes of their own: start-up, memory, two processes against one."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import peer
from benchmarks.child import result_of, start_child
from benchmarks.enlarging import SIZE
from benchmarks.record import Row, at_least, ratio_of
from benchmarks.sizes import Sizes
from benchmarks.timing import spread
from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import RunError

_FIRST_ITERATION = 12.0  # seconds at most
_PATIENCE = 120.0  # seconds until a start-up counts as failed
_ROUNDS = 2
_UPSCALE_FASTER, _UPSCALE_MUCH_FASTER = 1.4, 3.5


def startup_row(sizes: Sizes, *, overrides: tuple[str, ...] = ()) -> Row:
    """From the command to the first iteration done, on the sample photographs."""
    rounds = _ROUNDS if sizes.processes else 1
    seconds = [time_to_first_iteration(overrides) for _ in range(rounds)]
    ours = spread(seconds)
    return Row(
        name="from the command to the first iteration done, sample photographs",
        unit="s",
        ours=ours,
        rounds=rounds,
        goal=f"≤ {_FIRST_ITERATION:.0f} s",
        reached=ours.median <= _FIRST_ITERATION,
        note="python -m esrgan_train, with its first validation and the rehearsal of the GAN stage",
    )


def time_to_first_iteration(overrides: tuple[str, ...] = ()) -> float:
    """Seconds until ``metrics.csv`` holds the losses of iteration 1; the run is ended then.

    Raises:
        RunError: the run ends or takes too long before.
    """
    with TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        command = [sys.executable, "-m", "esrgan_train", "data=sample", f"run_dir={run_dir}"]
        command += ["trainer.log_every_n_steps=1", *overrides]
        start = time.perf_counter()
        with (Path(folder) / "output").open("w+") as output:
            run = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, text=True)
            try:
                while not has_first_iteration(run_dir / "metrics.csv"):
                    if run.poll() is not None or time.perf_counter() - start > _PATIENCE:
                        output.seek(0)
                        raise RunError(f"the timed run did not train: {output.read().strip()[-300:]}")
                    time.sleep(0.02)
                return time.perf_counter() - start
            finally:
                if run.poll() is None:
                    kill_group(run)  # its folder goes with it
                run.wait()


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a process and, where the system knows groups, those that it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def has_first_iteration(file: Path) -> bool:
    """Whether a ``metrics.csv`` holds a training loss."""
    if not file.is_file():
        return False
    with file.open(newline="") as lines:
        return any(row.get("train/pixel") for row in csv.DictReader(lines))


def memory_row(sizes: Sizes) -> Row:
    """The most memory that the iteration of both players holds."""
    results = {side: result_of(start_child("memory", side, sizes), f"memory, {side}") for side in _sides()}
    peaks = {side: result["peak"] / 2**20 for side, result in results.items()}
    before = ", ".join(f"{result['before'] / 2**20:.0f} ({side})" for side, result in results.items())
    return Row(
        name=f"peak memory of the G + D iteration, GT {sizes.gt_size}, batch {sizes.gan_batch}, defaults",
        unit="MiB",
        ours=spread([peaks["ours"]]),
        peer=spread([peaks["peer"]]) if "peer" in peaks else None,
        losses={side: result["losses"] for side, result in results.items()},
        note=f"of the whole process (VmHWM); held before the first iteration: {before}",
    )


def processes_row(sizes: Sizes) -> Row:
    """Two processes of one core each, the batch split between them, and one process with two cores."""
    pair: list[float] = []
    single: list[float] = []
    losses: dict[str, dict[str, float]] = {}
    for _ in range(_ROUNDS):
        children = [
            start_child("processes", "ours", sizes, OMP_NUM_THREADS="1", **_rank(rank, port))
            for port in [free_port()]
            for rank in range(2)
        ]
        results = [result_of(child, "two processes") for child in children]
        pair += [max(each) for each in zip(*(result["seconds"] for result in results), strict=True)]
        alone = result_of(start_child("processes", "ours", sizes, OMP_NUM_THREADS="2"), "one process")
        single += alone["seconds"]
        losses = {"ours": results[0]["losses"], "peer": alone["losses"]}
    return Row(
        name=f"G + D iteration in 2 gloo processes of one core, GT {sizes.gt_size}, "
        f"batch {sizes.gan_batch} in all",
        unit="s",
        ours=spread(pair),
        peer=spread(single),
        peer_name="one process with two cores",
        rounds=len(pair),
        losses=losses,
        note="losses of the first process's half of the batch, and of the whole batch",
    )


def upscale_rows(sizes: Sizes) -> list[Row]:
    """Upscaling one picture in float32 and, where that is native, in bf16."""
    precisions = {"32": _UPSCALE_FASTER, **({"bf16": _UPSCALE_MUCH_FASTER} if multiplies_bf16("cpu") else {})}
    sides = [*precisions, *(["peer"] if peer.is_installed() else [])]
    found = {side: result_of(start_child("upscale", side, sizes), f"upscaling, {side}") for side in sides}
    theirs = spread(found["peer"]["seconds"]) if "peer" in found else None
    rows = []
    for precision, goal in precisions.items():
        ours = spread(found[precision]["seconds"])
        means = {"ours": precision, "peer": "peer"}
        rows.append(
            Row(
                name=f"upscaling {SIZE[0]} × {SIZE[1]} pixels ×4, 64 channels, 16 convolutions, {precision}",
                unit="s",
                ours=ours,
                peer=theirs,
                rounds=len(found[precision]["seconds"]),
                goal=f"≥ {goal}×",
                reached=at_least(goal, ratio_of(theirs, ours)),
                losses={side: {"mean level": found[key]["mean"]} for side, key in means.items() if key in found},
                note="each in a process of its own, as started by its users",
            )
        )
    return rows


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _sides() -> list[str]:
    return ["ours", "peer"] if peer.is_installed() else ["ours"]


def _rank(rank: int, port: int) -> dict[str, str]:
    return {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
