"""The checks in their order, each with the parts of the run that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import rich
from omegaconf import DictConfig

from esrgan_train.callbacks.waiting import packing_advice
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.worker_plan import choose_num_workers
from esrgan_train.doctor.disk import disk_check
from esrgan_train.doctor.examination import Examination, examine
from esrgan_train.doctor.finding import Check, Finding, carried_out
from esrgan_train.doctor.hours import with_hours
from esrgan_train.doctor.login import login_check
from esrgan_train.doctor.memory import memory_check
from esrgan_train.doctor.overlap import overlap_check
from esrgan_train.doctor.pairs import pairs_check
from esrgan_train.doctor.photos import photos_check
from esrgan_train.doctor.rehearsal import Rehearsal
from esrgan_train.doctor.sampling import draw
from esrgan_train.doctor.speed import Loading, speed_check
from esrgan_train.doctor.subject import Subject
from esrgan_train.doctor.weights import weights_check
from esrgan_train.doctor.windows import windows_check


def consult(cfg: DictConfig, overrides: list[str], *, every: bool, quick: bool) -> Iterator[Finding]:
    """Everything that is found, as soon as it is; nothing is written.

    Args:
        cfg: composed; it is changed.
        overrides: that it was composed of.
        every: decode every photo, not only some.
        quick: leave out what trains and measures.
    """
    subject = Subject(cfg, overrides)
    checks: dict[str, Check] = {
        "options": subject.options,
        "run folder": subject.place,
        "photos": subject.photos,
        "data": subject.samples,
        "networks": subject.networks,
        "weights": partial(weights_check, cfg),
        "wandb": partial(login_check, cfg),
        "disk": partial(_disk, subject),
        "decoding": partial(_photos, subject, every),
    }
    if not quick:
        checks["rehearsal"] = partial(_rehearse, subject)
    said: set[str] = set()
    for name, check in checks.items():
        for finding in carried_out(name, check):
            if finding.what not in said:  # a wrong option is refused by every part that takes it
                said.add(finding.what)
                yield finding


def _disk(subject: Subject) -> Iterator[Finding]:
    if subject.trainer is not None and subject.module is not None and subject.run_dir is not None:
        yield from disk_check(subject.trainer, subject.module, subject.run_dir, done=subject.done)


def _photos(subject: Subject, every: bool) -> Iterator[Finding]:
    """Decode the photos once, and judge what that showed."""
    if subject.sources is None:
        return
    data = subject.cfg.data
    examination = examine(subject.sources, upscale=subject.cfg.upscale, every=every)
    subject.unreadable = {seen.index for seen in examination.training.bad}
    yield from photos_check(examination, max_bad_fraction=data.max_bad_fraction)
    yield from carried_out("pairs", partial(pairs_check, examination))
    if subject.datamodule is not None:
        yield from carried_out("windows", partial(_windows, examination, subject.datamodule))
    yield from carried_out("overlap", partial(overlap_check, examination))


def _windows(examination: Examination, datamodule: DataModule) -> Iterator[Finding]:
    yield from windows_check(examination.training, datamodule.options)


def _rehearse(subject: Subject) -> Iterator[Finding]:
    """Draw samples, train on them, and compare the times."""
    trainer, module, datamodule = subject.trainer, subject.module, subject.datamodule
    if trainer is None or module is None or datamodule is None:
        missing = "the networks" if module is None else "the photos"
        yield Finding("memory", "note", f"not rehearsed: first put right what is said of {missing}")
        return
    options = datamodule.options
    with rich.get_console().status("drawing samples"):
        drawn = draw(datamodule.training, avoiding=subject.unreadable)
    rehearsal = Rehearsal(
        module,
        trainer.strategy.root_device,
        max_steps=trainer.max_steps,
        done=subject.done,
        parts=options.accumulate,
        shared_by=trainer.num_devices,
    )
    with rich.get_console().status("rehearsing an iteration of each stage"):
        found = list(memory_check(rehearsal, drawn.batch, options))
        yield from found
        if any(each.status == "problem" for each in found):
            return
        stages = rehearsal.stages(drawn.batch, options.batch_size)
    cores = max(1, datamodule.workers.cores // trainer.num_devices)  # this process stands for all of the run here
    loading = Loading(
        samples=options.batch_size * options.accumulate,
        seconds=drawn.seconds,
        cores=cores,
        beside=rehearsal.device.type == "cpu",
    )
    workers = min(datamodule.num_workers, choose_num_workers(options.num_workers, cores))
    stages = with_hours(subject.cfg, stages, loading, workers=workers)
    packing = datamodule.training.source.packing
    pack = packing_advice(packing) if packing else None
    yield from speed_check(stages, drawn, loading, workers=workers, pack=pack, device=datamodule.site.remedy)
