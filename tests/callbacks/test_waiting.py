"""The warning that training waits for data, on a machine whose clocks the tests turn."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esrgan_train.callbacks import waiting
from esrgan_train.callbacks.waiting import Waiting, remedy, workers_needed
from esrgan_train.config import compose_config
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.site import BY_WORKERS, Site
from esrgan_train.data.worker_plan import WorkerPlans, Workers
from esrgan_train.errors import UserError
from esrgan_train.train import train
from tests.tiny import tiny


class Machine:
    """A host and a device that does what it is given in order, while the host may go on."""

    def __init__(self) -> None:
        self.host = 0.0
        self.device = 0.0  # when it is done with all that it was given

    def mark(self, _: str) -> Mark:
        return Mark(self, max(self.host, self.device))

    def work(self, seconds: float, *, host_waits: bool) -> None:
        self.device = max(self.host, self.device) + seconds
        self.host = self.device if host_waits else self.host + 0.001


class Mark:
    def __init__(self, machine: Machine, time: float) -> None:
        self.machine = machine
        self.time = time

    def reached(self) -> bool:
        return self.machine.host >= self.time

    def seconds_since(self, earlier: Mark) -> float:
        assert self.reached()
        return self.time - earlier.time


class Photos(DataModule):
    """A data module that has waited for as long as it is told to."""

    waited = 0.0  # type: ignore[assignment]
    workers = WorkerPlans(Workers(2, 4), Workers(2), cores=8)  # type: ignore[assignment]
    site = BY_WORKERS

    def __init__(self, *packing: str, degrades: bool = True, **changed: Any) -> None:
        source, degradation = SimpleNamespace(packing=packing), "some" if degrades else None
        self.training = SimpleNamespace(source=source, degradation=degradation)  # type: ignore[assignment]
        self.__dict__.update(changed)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(waiting, "mark_on", machine.mark)
    return machine


class Run:
    """The order in which Lightning calls the callback."""

    def __init__(self, machine: Machine, *, on_gpu: bool = False, first: bool = True, **options: Any) -> None:
        self.machine = machine
        self.on_gpu = on_gpu
        self.callback = Waiting(**({"limit": 0.1, "iterations": 100, "seconds": 30} | options))
        self.photos = Photos()
        self.trainer: Any = SimpleNamespace(datamodule=self.photos, global_step=0, is_global_zero=first)
        self.module: Any = SimpleNamespace(device=SimpleNamespace(type="a fake"))
        self.callback.on_train_start(self.trainer, self.module)

    def iterate(self, times: int, *, batch: float, step: float = 1.0) -> None:
        for _ in range(times):
            self.machine.host += batch
            self.photos.waited += batch
            self.callback.on_train_batch_start(self.trainer, self.module)
            self.machine.work(step, host_waits=not self.on_gpu)
            self.trainer.global_step += 1
            self.callback.on_train_batch_end(self.trainer, self.module)

    def validate(self, seconds: float) -> None:
        self.callback.on_validation_start(self.trainer, self.module)
        self.machine.work(seconds, host_waits=True)


def test_one_warning_comes_when_training_waits_for_long(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(machine)
    run.iterate(119, batch=0.5)
    assert caplog.messages == []
    run.iterate(400, batch=0.5)
    assert caplog.messages == [
        "iterations 21 to 120: training waited for data 33 % of the time: give data.num_workers=3 instead of 2"
    ]
    assert run.callback.run.share == pytest.approx(1 / 3)


def test_less_than_the_limit_gives_none(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(machine)
    run.iterate(500, batch=0.1)
    assert run.callback.run.share == pytest.approx(0.1 / 1.1)
    assert caplog.messages == []


def test_fast_iterations_are_watched_for_half_a_minute(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(machine)
    run.iterate(2000, batch=0.004, step=0.01)  # 28 seconds
    assert caplog.messages == []
    run.iterate(500, batch=0.004, step=0.01)
    assert len(caplog.messages) == 1


def test_a_slow_start_is_forgiven_and_a_later_change_is_not(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(machine)
    run.iterate(20, batch=60)
    run.iterate(300, batch=0)
    assert run.callback.run.share == 0
    run.iterate(200, batch=0.3)
    assert len(caplog.messages) == 1


def test_validation_is_no_waiting(machine: Machine) -> None:
    run = Run(machine)
    for _ in range(50):
        run.iterate(10, batch=0.05)
        run.validate(30)
    assert run.callback.run.share == pytest.approx(0.05 / 1.05)


def test_a_gpu_that_is_busy_with_earlier_iterations_does_not_wait(machine: Machine) -> None:
    run = Run(machine, on_gpu=True)
    run.iterate(300, batch=0.9)  # the host waits nearly all the time
    assert run.callback.run.count > 200
    assert run.callback.run.share == pytest.approx(0, abs=1e-6)


def test_a_gpu_waits_for_what_is_left_of_a_late_batch(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(machine, on_gpu=True)
    run.iterate(300, batch=1.5)
    assert run.callback.run.share == pytest.approx(1 / 3, abs=0.01)
    assert len(caplog.messages) == 1


def test_only_the_first_process_speaks(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    Run(machine, first=False).iterate(300, batch=1)
    assert caplog.messages == []


def test_workers_that_keep_up_are_estimated_from_what_they_did() -> None:
    assert workers_needed(4, 0.5) == 8
    assert workers_needed(7, 0.1) == 8
    assert workers_needed(0, 0.5) == 1  # making a batch takes as long as an iteration
    assert workers_needed(0, 0.9) == 9


def plans(workers: int, cores: int = 8, shortage: str | None = None) -> WorkerPlans:
    return WorkerPlans(Workers(workers), Workers(workers), cores, shortage)


@pytest.mark.parametrize(
    ("photos", "share", "advice"),
    [
        (Photos("a", workers=plans(2)), 0.5, "give data.num_workers=4 instead of 2"),
        (Photos("a", workers=plans(0)), 0.5, "give data.num_workers=1 instead of 0"),
        (
            Photos("my photos", "b", workers=plans(4)),
            0.9,
            "give data.num_workers=7 instead of 4, and decode the photos once with "
            "python -m esrgan_train.prepare 'my photos' b -o PACKED, and give data.train_dir=PACKED",
        ),
        (
            Photos("a", "--lr", "b", workers=plans(7)),
            0.2,
            "all 8 cores are in use: decode the photos once with "
            "python -m esrgan_train.prepare a --lr b -o PACKED, and give data.train_dir=PACKED",
        ),
        (
            Photos(workers=plans(1, cores=1)),
            0.2,
            "the only core is in use: give more cores, degradation=light or a smaller data.gt_size",
        ),
        (
            Photos(workers=plans(7), degrades=False),
            0.2,
            "all 8 cores are in use: give more cores or a smaller data.gt_size",
        ),
        (Photos("a", workers=plans(1, shortage="give more of it")), 0.5, "give more of it"),
        (
            Photos(workers=plans(7), site=Site("cuda")),
            0.2,
            "all 8 cores are in use: give more cores or a smaller data.gt_size",
        ),
        (
            Photos("a", workers=plans(2), site=Site(reason="asked", remedy="degradation.device=auto")),
            0.5,
            "give degradation.device=auto, and the GPU degrades the samples",
        ),
    ],
)
def test_the_remedy_is_the_next_best_one(
    photos: Photos, share: float, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esrgan_train.commands.interpreter", lambda: "python")
    assert remedy(photos, share) == advice


@pytest.mark.parametrize("limit", [0, 1])
def test_limits_that_mean_nothing_are_refused(limit: float) -> None:
    with pytest.raises(UserError, match="limit"):
        Waiting(limit=limit, iterations=1, seconds=0)


@pytest.mark.slow
@pytest.mark.run
def test_a_run_that_waits_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watched = ("callbacks.waiting.limit=0.001", "callbacks.waiting.iterations=5", "callbacks.waiting.seconds=0")
    with caplog.at_level(logging.WARNING):
        train(compose_config(tiny(tmp_path, *watched, "trainer.max_steps=35")))  # without workers each batch waits
    (told,) = [message for message in caplog.messages if "training waited for data" in message]
    assert told.startswith("iterations 2")
    assert "give data.num_workers=1 instead of 0" in told
