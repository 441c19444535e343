from __future__ import annotations

import gc
import logging
import multiprocessing
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import cv2
import pytest
import torch
from torch.utils.data import Dataset

from esrgan_train.data.loader import PhotoLoader, TrainingLoader, collate
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable
from esrgan_train.images.formats import NAMES
from tests.data.small import training_set

MakePhotos = Callable[..., PathTable]


def batches(dataset: TrainingSet, count: int, num_workers: int, **place: int) -> list[dict[str, Any]]:
    sampler = RankStridedSampler(**({"start": 0} | place))
    loader = PhotoLoader(dataset, batch_size=3, sampler=sampler, num_workers=num_workers)
    return list(islice(loader, count))


@pytest.mark.parametrize("usm", [False, True])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_batch_has_the_promised_shapes(make_photos: MakePhotos, usm: bool, num_workers: int) -> None:
    dataset = training_set(make_photos((80, 80)), usm=usm)
    sampler = RankStridedSampler(start=0)
    batch = next(iter(TrainingLoader(dataset, batch_size=3, sampler=sampler, num_workers=num_workers)))
    assert sorted(batch) == ["hr", "hr_target", "index", "lr"]
    assert batch["lr"].shape == (3, 3, 8, 8)
    assert batch["hr"].shape == batch["hr_target"].shape == (3, 3, 16, 16)
    assert batch["index"].tolist() == [0, 1, 2]
    assert (batch["hr_target"] is batch["hr"]) == (not usm)
    assert torch.equal(batch["hr"][1], dataset[1]["hr"])
    assert torch.equal(batch["hr_target"][2], dataset[2]["hr_target"])


def test_the_stream_does_not_depend_on_the_number_of_workers(make_photos: MakePhotos) -> None:
    dataset = training_set(make_photos((80, 80), (90, 70)))
    for one, other in zip(batches(dataset, 5, 0), batches(dataset, 5, 2), strict=True):
        assert one["index"].tolist() == other["index"].tolist()
        assert torch.equal(one["lr"], other["lr"])
        assert torch.equal(one["hr"], other["hr"])


def test_two_processes_share_the_stream_of_one(make_photos: MakePhotos) -> None:
    dataset = training_set(make_photos((80, 80), (90, 70)))
    alone = torch.cat([batch["lr"] for batch in batches(dataset, 4, 0, start=6)])
    ranks = [
        torch.cat([batch["lr"] for batch in batches(dataset, 2, 0, start=6, rank=rank, world_size=2)])
        for rank in range(2)
    ]
    assert torch.equal(torch.stack(ranks, dim=1).flatten(0, 1), alone)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_bad_photos_met_by_workers_are_counted_here(make_photos: MakePhotos, num_workers: int) -> None:
    photos = make_photos(*[(60, 60)] * 4)
    photos[2].write_bytes(b"no picture")
    dataset = training_set(photos)
    assert len(batches(dataset, 4, num_workers)) == 4
    assert dataset.bad.count == 1


@pytest.mark.parametrize("num_workers", [0, 2])
def test_too_many_bad_photos_give_one_line(make_photos: MakePhotos, num_workers: int) -> None:
    photos = make_photos(*[(60, 60)] * 4)
    for index in (1, 2):
        photos[index].write_bytes(b"no picture")
    dataset = training_set(photos, max_bad_fraction=0.25)
    with pytest.raises(UserError) as caught:
        batches(dataset, 10, num_workers)
    assert str(caught.value).startswith("data.max_bad_fraction=0.25 is exceeded: 2 of 4")
    assert "\n" not in str(caught.value)


class Threads(Dataset[dict[str, Any]]):
    """What a worker's libraries are set to."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"hr": torch.tensor([cv2.getNumThreads(), torch.get_num_threads()])}


def test_workers_use_one_thread_and_leave_the_main_process_alone() -> None:
    before = (cv2.getNumThreads(), torch.get_num_threads())
    for num_workers, expected in ((2, [1, 1]), (0, list(before))):
        loader = PhotoLoader(Threads(), batch_size=1, sampler=range(2), num_workers=num_workers)
        assert [batch["hr"][0].tolist() for batch in loader] == [expected] * 2
        assert (cv2.getNumThreads(), torch.get_num_threads()) == before


def test_collate_leaves_out_a_target_that_is_hr() -> None:
    hr = torch.rand(3, 4, 4)
    assert "hr_target" not in collate([{"hr": hr, "hr_target": hr}] * 2)
    assert "hr_target" in collate([{"hr": hr, "hr_target": hr}, {"hr": hr, "hr_target": hr.clone()}])
    assert "hr_target" not in collate([{"hr": hr, "name": "a"}])


def test_workers_leave_the_naming_of_bad_photos_to_the_main_process(
    make_photos: MakePhotos, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    photos = make_photos(*[(80, 80)] * 12)
    bad = [3, 7, 8]
    for index in bad:
        photos[index].write_bytes(b"no picture")
    dataset = training_set(photos)
    shown = logging.StreamHandler()  # what a worker logs through an inherited handler would reach stderr
    logging.getLogger("esrgan_train").addHandler(shown)
    try:
        with caplog.at_level(logging.WARNING, logger="esrgan_train"):
            batches(dataset, 40, num_workers=3)  # ten epochs: every worker meets every bad photo
    finally:
        logging.getLogger("esrgan_train").removeHandler(shown)
    expected = sorted(
        f"{photos[index]} cannot be read: it is not a {NAMES} file, or its header is damaged; another photo "
        "takes its place"
        for index in bad
    )
    assert sorted(caplog.messages) == expected
    assert sorted(capfd.readouterr().err.splitlines()) == expected
    assert dataset.bad.count == len(bad)


def test_too_many_bad_photos_end_the_run_in_one_line_with_all_of_them_named(
    make_photos: MakePhotos, caplog: pytest.LogCaptureFixture
) -> None:
    photos = make_photos(*[(80, 80)] * 10)
    for index in range(5):
        photos[index].write_bytes(b"no picture")
    dataset = training_set(photos, max_bad_fraction=0.3)
    with (
        caplog.at_level(logging.WARNING, logger="esrgan_train"),
        pytest.raises(UserError, match=r"data\.max_bad_fraction=0\.3 is exceeded: [45] of 10") as caught,
    ):
        batches(dataset, 40, num_workers=2)  # one worker may meet a fifth while the other reports the fourth
    assert "\n" not in str(caught.value)
    assert len(caplog.messages) == dataset.bad.count >= 4


@pytest.mark.run
def test_without_a_sound_photo_every_worker_stops(make_photos: MakePhotos) -> None:
    photos = make_photos(*[(80, 80)] * 3)
    dataset = training_set(photos, max_bad_fraction=1)
    for path in photos:  # they vanish after the first look
        path.unlink()
    started = time.monotonic()
    with pytest.raises(UserError, match=r"none of the 3 training photos can be read.*No such file"):
        batches(dataset, 1, num_workers=3)
    gc.collect()
    assert multiprocessing.active_children() == []
    assert time.monotonic() - started < 4.5  # torch waits five seconds for each worker that it cannot reach
    with pytest.raises(UserError, match="none of the 3"):  # what is known already stops too
        dataset[0]
