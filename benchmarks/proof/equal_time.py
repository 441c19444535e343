"""Two trainers, one after the other on the same cores: held-out PSNR against minutes of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from multiprocessing import set_start_method
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import peer
from benchmarks.child import result_of, start_child
from benchmarks.machine import describe_machine, load_average
from benchmarks.proof.course import Course
from benchmarks.proof.measures import planes
from benchmarks.proof.our_side import train_ours
from benchmarks.proof.pairs import write_pairs
from benchmarks.proof.photographs import Picture, read_photographs, reductions
from benchmarks.proof.published_side import train_published
from benchmarks.proof.timekeeper import Timekeeper, scorer
from esrgan_train.data.workers import start_method
from esrgan_train.errors import UserError
from esrgan_train.evaluate.scores import bicubic_of
from esrgan_train.metrics.image_quality import psnr_y

OURS, PUBLISHED = "esrgan_train", "BasicSR"

_SIDES: dict[str, Callable[[Course, Path, Timekeeper], str]] = {OURS: train_ours, PUBLISHED: train_published}


def race(course: Course, *, command: str) -> dict[str, Any]:
    """The record: each trainer in a process of its own, on the same files.

    Raises:
        UserError: the published code is not installed, or there are no photographs.
        RunError: a trainer failed.
    """
    if (reason := peer.missing()) is not None:
        raise UserError(reason)
    machine = describe_machine()
    rows, ways = [], {}
    with TemporaryDirectory() as folder:
        pairs = Path(folder)
        files = write_pairs(_photographs(course, course.photos), pairs, scale=course.upscale)
        write_pairs(_photographs(course, course.held_out), pairs / "held_out", scale=course.upscale)
        for name in _SIDES:
            found = result_of(start_child(run_side, name, course, pairs), name)
            ways[name] = found["way"]
            rows += [{"trainer": name, **point} for point in found["points"]]
    machine |= {"load_average_at_end": load_average()}
    alike = {name: value for name, value in asdict(course).items() if name not in ("photos", "held_out", "most")}
    return {
        "command": command,
        "machine": machine,
        "alike": {**alike, "files": files, "held_out": len(held_out_pairs(course))},
        "ways": ways,
        "bicubic": round(_bicubic(course), 4),
        "rows": rows,
    }


def run_side(name: str, course: Course, pairs: Path) -> dict[str, Any]:
    """One trainer, in this process."""
    set_start_method(start_method(), force=True)  # of workers: this process was spawned, and so would they be
    score = scorer(held_out_pairs(course), course.network)
    keeper = Timekeeper(score, seconds=course.seconds, every=course.every)
    way = _SIDES[name](course, pairs, keeper)
    return {"way": way, "points": [asdict(point) for point in keeper.points]}


def held_out_pairs(course: Course) -> list[tuple[Picture, Picture]]:
    """LR and HR of the held-out photographs, whole, by clean bicubic reduction."""
    (way,) = reductions(["bicubic"], scale=course.upscale, draws=1)
    photographs = _photographs(course, course.held_out)
    return [(low, each.hr) for each in photographs for _, low in way.lows(each, seed=course.seed)]


def _photographs(course: Course, folder: Path) -> Any:
    return read_photographs(folder, most=course.most, side=course.side)


def _bicubic(course: Course) -> float:
    scale = course.upscale
    found = [
        float(psnr_y(planes(bicubic_of(low, scale)), planes(hr), scale)) for low, hr in held_out_pairs(course)
    ]
    return sum(found) / len(found)
