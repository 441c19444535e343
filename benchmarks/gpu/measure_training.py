"""How fast both stages train, how long they wait for data, what memory they hold, and what stops them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from benchmarks.gpu.clock import Clock
from benchmarks.gpu.figure import Figure, Goal
from benchmarks.gpu.part import Measurement, Setting
from benchmarks.gpu.photographs import halves, packed, photographs, write_photographs
from benchmarks.gpu.published import PublishedTrainer, beside
from benchmarks.gpu.subjects import make_data, make_module, make_trainer
from esrgan_train.data.photos import FolderSource
from esrgan_train.data.site import BY_WORKERS, Site
from esrgan_train.training.stages import STAGE_NAMES, StageName

_CORES_OF_THE_GOAL = 8
_STAGES: tuple[StageName, ...] = ("pixel", "gan")


def training(setting: Setting) -> list[Measurement]:
    """Both stages, from a packed set and from photos, rendered on the device and in the workers."""
    folder = write_photographs(setting.folder / "photos", setting.sizes)
    sources: dict[str, FolderSource] = {
        "photos": photographs(folder),
        "packed": packed(folder, setting.folder / "set"),
    }
    published = _published(folder, setting)
    return [
        Measurement(
            f"train_{stage}_{kind}_{side}",
            f"{STAGE_NAMES[stage]}, {kind}, {side} rendering",
            partial(_measure, setting, stage, kind, side, sources[kind], published),
        )
        for stage in _STAGES
        for kind in ("packed", "photos")
        for side in ("device", "workers")
    ]


Published = Callable[[StageName], tuple[float | None, str]]


def _published(photos: Path, setting: Setting) -> Published:
    """The published trainer's samples per second in a stage, or None and why; each stage is measured once."""

    @cache
    def of(stage: StageName) -> tuple[float | None, str]:
        def measure() -> float:
            return PublishedTrainer(photos, setting.sizes, setting.device, stage).samples_per_second(setting.sizes)

        return beside(measure, "published: its photos, its degradation")

    return of


def _measure(
    setting: Setting, stage: StageName, kind: str, side: str, source: FolderSource, published: Published
) -> Iterator[Figure]:
    clock, workers = _run(setting, stage, kind, side, source)
    theirs, note = published(stage)
    sizes = setting.sizes
    what = f"{STAGE_NAMES[stage]}, {kind}, {side} rendering"
    key = f"{stage}_{kind}_{side}"
    yield Figure(
        key=f"train_{key}",
        name=f"{what}, GT {sizes.gt_size}, batch {sizes.batch_size}",
        unit="samples/s",
        ours=sizes.batch_size * clock.timed / clock.seconds,
        peer=theirs,
        note=f"{note}; {workers} workers",
    )
    wanted = side == "device" and kind == "packed" and workers >= _CORES_OF_THE_GOAL - 1
    yield Figure(
        key=f"waiting_{key}",
        name=f"{what}: waiting for data",
        unit="%",
        ours=100 * clock.waited / clock.seconds,
        goal=Goal("most", 5) if wanted else None,
    )
    yield Figure(key=f"memory_{key}", name=f"{what}: memory at most", unit="MiB", ours=clock.peak)
    if setting.device.type == "cuda":
        waits = sum(clock.waits) / len(clock.waits)
        yield Figure(
            key=f"synchronisations_{key}",
            name=f"{what}: host synchronisations between two lines of the log",
            unit="an iteration",
            ours=waits,
            goal=Goal("most", 0),
        )


def _run(setting: Setting, stage: StageName, kind: str, side: str, source: FolderSource) -> tuple[Clock, int]:
    """A run that ends by itself, and its number of workers."""
    sizes, device = setting.sizes, setting.device
    data = make_data(halves(source), sizes, Site(device.type) if side == "device" else BY_WORKERS)
    clock = Clock(sizes, device)
    run = setting.folder / f"{stage}_{kind}_{side}"
    make_trainer(run, device, clock).fit(make_module(sizes, device, stage), datamodule=data)
    return clock, data.num_workers
