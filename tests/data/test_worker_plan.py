"""How many workers there are and how far ahead they work, by cores and by shared memory."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esrgan_train.data import worker_plan
from esrgan_train.data.worker_plan import WorkerPlans, Workers, choose_num_workers, plan_workers
from esrgan_train.errors import UserError
from tests.data.small import stream_options

MIB = 2**20
PUBLISHED: dict[str, Any] = {"gt_size": 256, "batch_size": 12, "usm": True, "upscale": 4, "num_workers": "auto"}
BATCH = 12 * (256 * 256 * 2 + 64 * 64) * 3 * 4  # bytes; hr and hr_target, and lr
PHOTO = 1000 * 1000 * 3 * 4 + 250 * 250 * 3 * 4


@pytest.fixture(autouse=True)
def shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A call sets the bytes that are free in it; at first it has no limit."""
    monkeypatch.setattr(worker_plan, "_SHARED_MEMORY", tmp_path / "none")

    def free(size: int) -> None:
        monkeypatch.setattr(worker_plan, "_SHARED_MEMORY", tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size))

    return free


def plan(cores: int = 8, processes: int = 1, **changed: Any) -> WorkerPlans:
    options = stream_options(**(PUBLISHED | changed))
    return plan_workers(options, cores=cores, processes=processes, held_out_pixels=1000 * 1000)


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (8, 7), (64, 63)])
def test_auto_takes_the_cores_but_one(cores: int, workers: int) -> None:
    assert choose_num_workers("auto", cores) == workers
    assert choose_num_workers(3, cores) == 3
    assert choose_num_workers(0, cores) == 0


def test_four_batches_ahead_are_made_up_to_a_gigabyte_and_two_beyond() -> None:
    ahead = {cores: plan(cores).training.ahead for cores in (2, 8, 14, 16, 18, 24, 64)}
    assert ahead == {2: 4, 8: 4, 14: 4, 16: 3, 18: 3, 24: 2, 64: 2}
    assert 13 * 4 * BATCH < 2**30 < 15 * 4 * BATCH
    assert 17 * 3 * BATCH < 2**30 < 23 * 3 * BATCH
    assert plan(cores=64, gt_size=64).training.ahead == 4


def test_the_batches_of_all_processes_fit_into_half_of_the_shared_memory(shared_memory: Any) -> None:
    for free in (300 * MIB, 1000 * MIB, 4000 * MIB):
        for processes in (1, 2, 4):
            shared_memory(free)
            made = plan(processes=processes)
            assert made.training.count * made.training.ahead * BATCH * processes <= free / 2
            assert made.validation.count * made.validation.ahead * PHOTO * processes <= free / 2
    assert plan(processes=1).training == Workers(7, ahead=4)


def test_pictures_count_as_often_as_they_travel(shared_memory: Any) -> None:
    shared_memory(7 * 2 * 2 * BATCH)
    assert plan().training.ahead == 2
    assert plan(usm=False).training.ahead == 3  # a little more than half of the bytes
    assert plan(accumulate=2).training.ahead == 1


def test_with_too_little_there_are_fewer_workers_and_a_warning(
    shared_memory: Any, caplog: pytest.LogCaptureFixture
) -> None:
    shared_memory(64 * MIB)  # Docker's
    made = plan()
    assert (made.training, made.validation) == (Workers(1, ahead=1), Workers(1, ahead=1))
    with caplog.at_level(logging.INFO):
        made.report()
    assert caplog.messages == [
        "workers       1 on 8 cores, 1 batch ahead each",
        "the shared memory (" + str(worker_plan._SHARED_MEMORY) + ") has no room for more than 1 instead of 7 "
        "workers and one batch ahead instead of two: give more of it (docker run --shm-size=1g or --ipc=host)",
    ]


def test_photos_too_large_for_it_are_read_by_the_main_process(shared_memory: Any) -> None:
    shared_memory(20 * MIB)
    made = plan(gt_size=64)
    assert made.training.count == 7
    assert made.validation.count == 0
    assert made.shortage is not None
    assert "validation without workers" in made.shortage


def test_what_cannot_work_is_refused_with_what_can(shared_memory: Any) -> None:
    shared_memory(30 * MIB)
    with pytest.raises(UserError, match=r"for 7 × 19 MiB, a batch of each worker: give data\.num_workers=0, a"):
        plan()
    shared_memory(100 * MIB)
    with pytest.raises(UserError, match=r"for 4 × 19 MiB.*: give data\.num_workers=2, or more of it .*size=1g"):
        plan(num_workers=4)
    assert plan(num_workers=2).training == Workers(2, ahead=1)
    assert plan(num_workers=0).training.count == 0


def test_enough_of_it_gives_no_warning(shared_memory: Any, caplog: pytest.LogCaptureFixture) -> None:
    shared_memory(16 * 2**30)
    with caplog.at_level(logging.INFO):
        plan().report()
        plan(num_workers=0).report()
    assert caplog.messages == ["workers       7 on 8 cores, 4 batches ahead each"]


def test_room_for_what_workers_give_is_kept(shared_memory: Any) -> None:
    shared_memory(60 * MIB)
    options = stream_options(**PUBLISHED)
    counts = [
        plan_workers(options, cores=8, processes=1, held_out_pixels=10**6, rendered=rendered).training.count
        for rendered in (True, False)
    ]
    assert counts == [30 * MIB // BATCH, 30 * MIB // (12 * (348 * 348 * 3 * 2 + 2**15))] == [1, 3]
