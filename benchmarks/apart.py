"""Rows that need processes of their own: memory, two processes against one, upscaling."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import torch
import torch.distributed as dist

from benchmarks import peer
from benchmarks.child import result_of, start_child
from benchmarks.iterations import contenders
from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from benchmarks.timing import Spread, interleaved, spread
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.data.sample_photos import sample_photos
from esrgan_train.devices import multiplies_bf16
from esrgan_train.inference.openvino_model import Openvino
from esrgan_train.inference.upscaler import Upscaler
from esrgan_train.modelfiles.weights import save_model
from esrgan_train.resident import forget_peak, held_memory, peak_memory

_ROUNDS, _TIMED = 2, 3  # times that processes are started, and iterations that each of them times
_UPSCALE_FASTER = {"32": 1.4, "bf16": 3.5}
_UPSCALE_REPEATS = 5
_PICTURE = (480, 360)  # width and height


def memory_row(sizes: Sizes) -> Row:
    """The most memory that the iteration of both players holds."""
    sides = {"ours": "gan_iteration", **({} if peer.missing() else {"peer": "peer"})}
    results = {
        name: result_of(start_child(measure_memory, side, sizes), f"memory, {name}")
        for name, side in sides.items()
    }
    peaks = {name: spread([result["peak"]], scale=2**-20) for name, result in results.items()}
    before = ", ".join(f"{result['before'] / 2**20:.0f} ({name})" for name, result in results.items())
    return Row(
        key="memory",
        name=f"peak memory of the G + D iteration, GT {sizes.gt_size}, batch {sizes.gan_batch}, defaults",
        sizes={"gt_size": sizes.gt_size, "batch_size": sizes.gan_batch},
        unit="MiB",
        ours=peaks["ours"],
        peer=peaks.get("peer"),
        losses={name: result["losses"] for name, result in results.items()},
        note=f"of the whole process (VmHWM); held before the first iteration: {before}",
    )


def measure_memory(side: str, sizes: Sizes) -> dict[str, Any]:
    """Bytes held before, and at most during two iterations of both players."""
    if side != "peer":
        keep_freed_memory()  # as training does
    step = contenders(sizes, ["gan_iteration"], batch_size=sizes.gan_batch, only=side)[side]
    forget_peak()
    before = held_memory()
    step()
    step()
    return {"before": before, "peak": peak_memory(), "losses": step.losses}


def processes_row(sizes: Sizes) -> Row:
    """Two processes of one core each, the batch split between them, and one process with two cores."""
    pair: list[float] = []
    single: list[float] = []
    losses: dict[str, dict[str, float]] = {}
    for _ in range(_ROUNDS):
        shared = {
            "WORLD_SIZE": "2",
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": free_port(),
            "OMP_NUM_THREADS": "1",
        }
        children = [start_child(measure_processes, sizes, RANK=str(rank), **shared) for rank in range(2)]
        results = [result_of(child, "two processes") for child in children]
        pair += [max(each) for each in zip(*(result["seconds"] for result in results), strict=True)]
        alone = start_child(measure_processes, sizes, WORLD_SIZE="1", OMP_NUM_THREADS="2")
        result = result_of(alone, "one process")
        single += result["seconds"]
        losses = {"ours": results[0]["losses"], "peer": result["losses"]}
    return Row(
        key="processes",
        name=f"G + D iteration in 2 gloo processes of one core, GT {sizes.gt_size}, "
        f"batch {sizes.gan_batch} in all",
        sizes={"gt_size": sizes.gt_size, "batch_size": sizes.gan_batch},
        unit="s",
        ours=spread(pair),
        peer=spread(single),
        peer_name="one process with two cores",
        rounds=len(pair),
        goal=Goal("speedup", 0.95),
        losses=losses,
        note="losses of the first process's half of the batch, and of the whole batch",
    )


def measure_processes(sizes: Sizes) -> dict[str, Any]:
    """Seconds of each iteration; the batch is split between the processes that the environment names."""
    keep_freed_memory()  # as training does
    world = int(os.environ["WORLD_SIZE"])
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if world > 1:
        dist.init_process_group("gloo")
    step = contenders(sizes, ["gan_iteration"], batch_size=max(1, sizes.gan_batch // world), only="gan_iteration")[
        "gan_iteration"
    ]
    step()
    seconds = []
    for _ in range(_TIMED):
        if world > 1:
            dist.barrier()
        seconds += interleaved({"": step}, rounds=1, warm_up=0)[""]
    if world > 1:
        dist.destroy_process_group()
    return {"seconds": seconds, "losses": step.losses}


def free_port() -> str:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def upscale_rows() -> list[Row]:
    """Upscaling one picture in float32 and, where that is native, in bf16."""
    precisions = ["32", *(["bf16"] if multiplies_bf16("cpu") else [])]
    by_openvino = [f"openvino {precision}" for precision in precisions] if find_spec("openvino") else []
    found = {
        side: result_of(start_child(measure_upscaling, side), f"upscaling, {side}")
        for side in [*precisions, *by_openvino, *([] if peer.missing() else ["peer"])]
    }
    theirs = spread(found["peer"]["seconds"]) if "peer" in found else None
    return [*_torch_rows(precisions, found, theirs), *_openvino_rows(precisions, found)]


def _torch_rows(precisions: Sequence[str], found: Mapping[str, Any], theirs: Spread | None) -> list[Row]:
    return [
        Row(
            key=f"upscale_{precision}",
            name=f"upscaling {_PICTURE[0]} × {_PICTURE[1]} pixels ×4, 64 channels, 16 convolutions, {precision}",
            sizes={"width": _PICTURE[0], "height": _PICTURE[1]},
            unit="s",
            ours=spread(found[precision]["seconds"]),
            peer=theirs,
            rounds=_UPSCALE_REPEATS,
            goal=Goal("speedup", _UPSCALE_FASTER[precision]),
            losses={
                name: {"mean level": found[side]["mean"]}
                for name, side in (("ours", precision), ("peer", "peer"))
                if side in found
            },
            note="each in a process of its own, as started by its users",
        )
        for precision in precisions
    ]


def _openvino_rows(precisions: Sequence[str], found: Mapping[str, Any]) -> list[Row]:
    """``--runtime openvino`` next to ``--runtime torch``, where OpenVINO is installed."""
    return [
        Row(
            key=f"upscale_openvino_{precision}",
            name=f"the same by OpenVINO, {precision}",
            sizes={"width": _PICTURE[0], "height": _PICTURE[1]},
            unit="s",
            ours=spread(found[f"openvino {precision}"]["seconds"]),
            peer=spread(found[precision]["seconds"]),
            peer_name="torch",
            rounds=_UPSCALE_REPEATS,
            losses={
                "ours": {"mean level": found[f"openvino {precision}"]["mean"]},
                "peer": {"mean level": found[precision]["mean"]},
            },
            note="each in a process of its own; without the conversion, which is made once",
        )
        for precision in precisions
        if f"openvino {precision}" in found
    ]


def measure_upscaling(side: str) -> dict[str, Any]:
    """Seconds of each repeat, and the mean level of the result.

    Args:
        side: ``32`` or ``bf16``, this project's upscaler in that precision, behind ``openvino `` by that runtime;
            ``peer``, the published one.
    """
    picture = cv2.resize(sample_photos().training.decode(0).hr, _PICTURE, interpolation=cv2.INTER_AREA)
    network = SRVGGNetCompact()
    torch.manual_seed(0)
    start_as_bilinear(network)
    if side == "peer":
        upscale: Any = peer.PublishedUpscaler(network.state_dict())
    else:
        keep_freed_memory()  # as the command does
        engine, cpu, precision = None, torch.device("cpu"), side.removeprefix("openvino ")
        with TemporaryDirectory() as folder:
            if precision != side:
                path = Path(folder) / "model.pth"
                save_model(path, network.state_dict(), {})
                engine = Openvino(path)
            upscale = Upscaler(network.eval(), device=cpu, precision=precision, tile=None, runtime=engine)
    seconds = []
    for _ in range(_UPSCALE_REPEATS + 1):
        start = time.perf_counter()
        enlarged = upscale(picture)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds[1:], "mean": float(enlarged.mean())}
