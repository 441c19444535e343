"""The race as a picture and in words: functions of its record alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.proof.equal_time import OURS, PUBLISHED
from benchmarks.proof.record import Record
from esrgan_train.files import replacing

_BELOW = 2.0  # dB under bicubic that are shown: random first weights lie far below
_HEAD = """## Beside the published trainer, for as long

BasicSR's `SRModel` and this project's pixel stage, one after the other on the same cores. Both read the same pairs
of files: photographs and their clean bicubic reductions, cut into overlapping parts of up to 480 pixels as the
published preparation does. The clock stops while the averaged weights are measured, by the same code for both; the
start of the loader counts."""
_PICTURE = "![held-out PSNR-Y against minutes of training](images/equal_time.png)"


def draw_minutes(record: Record, path: Path) -> None:
    """Both curves and bicubic, as PNG."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    for number, name in enumerate(record["ways"]):
        points = points_of(record, name)
        axis.plot(
            [point["seconds"] / 60 for point in points],
            [point["psnr_y"] for point in points],
            label=name,
            color=f"C{number}",
            marker="o",
            markersize=3,
        )
    axis.axhline(record["bicubic"], color="gray", linestyle=":", label="bicubic")
    axis.set_ylim(bottom=record["bicubic"] - _BELOW)
    axis.set_xlabel("minutes of training, on the same cores")
    axis.set_ylabel("PSNR-Y on held-out photographs (dB)")
    axis.grid(alpha=0.3)
    axis.legend()
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=100)


def equal_time_section(record: Record) -> str:
    """What both got alike, what each did its own way, and where they ended, as Markdown."""
    return "\n\n".join(
        [f"    {record['command']}", _machine(record), _alike(record), _table(record), _meeting(record)]
    )


def _machine(record: Record) -> str:
    machine = record["machine"]
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("torch", "basicsr"))
    cores = f"{machine['cores']} cores of {machine['cpu']}"
    return f"{machine['date'][:10]}, commit {machine['commit']}, {cores}, {versions}."


def _alike(record: Record) -> str:
    alike = record["alike"]
    network = f"{alike['num_feat']} features and {alike['num_conv']} convolutions at ×{alike['upscale']}"
    ways = "; ".join(f"{name} {way}" for name, way in record["ways"].items())
    crops = f"crops of {alike['gt_size']}, batches of {alike['batch_size']}, flips and quarter turns"
    learning = f"L1 and Adam at a constant {alike['learning_rate']:g}"
    return (
        f"Alike: the compact network with {network}, {alike['files']} pairs of files, {crops}, {learning}. "
        f"Each in its own way: {ways}. Measured with {alike['held_out']} held-out photographs."
    )


def points_of(record: Record, name: str) -> list[Any]:
    """The points of a trainer, in the order of time."""
    return [row for row in record["rows"] if row["trainer"] == name]


def _table(record: Record) -> str:
    lines = ["| trainer | minutes | iterations | PSNR-Y (dB) |", "|---|---|---|---|"]
    for name in record["ways"]:
        last = points_of(record, name)[-1]
        figures = f"{last['seconds'] / 60:.1f} | {last['iterations']:,} | {last['psnr_y']:.2f}"
        lines.append(f"| {name} | {figures} |")
    return "\n".join([*lines, f"| bicubic | | | {record['bicubic']:.2f} |"])


def _meeting(record: Record) -> str:
    """When the one that ends higher was where the other one ended."""
    ends = {name: points_of(record, name)[-1] for name in (OURS, PUBLISHED)}
    slower, faster = sorted(ends, key=lambda name: ends[name]["psnr_y"])
    goal = ends[slower]
    there = next(point for point in points_of(record, faster) if point["psnr_y"] >= goal["psnr_y"])
    has = f"{slower} has {goal['psnr_y']:.2f} dB after {goal['seconds'] / 60:.1f} minutes"
    when = f"after {there['seconds'] / 60:.1f}" if there["iterations"] else "before its first iteration"
    return f"{has}, {faster} {when}."
