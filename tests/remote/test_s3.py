"""Sets in a bucket of a real server on this machine, with faults."""

from __future__ import annotations

import multiprocessing
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.data.loader import PhotoLoader
from esrgan_train.data.packed import open_packed
from esrgan_train.data.reading import Reading
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.errors import UserError
from esrgan_train.remote.store import Store, UnreachableError
from esrgan_train.remote.url import Url
from esrgan_train.train import train
from tests.data.small import split, training_set
from tests.remote.conftest import copied
from tests.remote.server import NAME, Bucket, find_s3
from tests.tiny import tiny

URL = f"s3://{NAME}/sets/one"
SCALES = (1, 0.75, 0.5, 1 / 3)


def test_a_sample_is_one_ranged_request(packed_photos: Path, bucket: Bucket) -> None:
    source = open_packed(copied(packed_photos, URL), option="x", reading=Reading(cache_gb=0))
    samples = training_set(source, scales=[1], gt_size=32)
    bucket.forgive()
    for n in range(5):
        samples.sample(n)
    assert len(bucket.requests) == len(bucket.reads()) == 5


@pytest.mark.slow
@pytest.mark.run
def test_forked_workers_read_the_same_through_refusals_cuts_and_slow_answers(
    packed_photos: Path, bucket: Bucket
) -> None:
    local, remote = (
        training_set(split(place, remote_cache_gb=0).training, scales=SCALES, gt_size=32)
        for place in (packed_photos, copied(packed_photos, URL))
    )
    remote.sample(0)  # the main process has threads and connections when it forks
    bucket.broken = lambda number, _: number % 4 == 0
    bucket.cut = lambda number, _: number % 4 == 1
    bucket.slow = lambda number, _: 0.3 if number % 5 == 0 else 0
    loader = PhotoLoader(remote, batch_size=4, sampler=RankStridedSampler(start=0), num_workers=2)
    for number, batch in zip(range(5), loader, strict=False):
        for place in range(4):
            assert np.array_equal(batch["hr"][place], local[4 * number + place]["hr"])
    assert remote.bad.count == 0
    assert len(bucket.reads()) > 30


def test_an_answer_that_does_not_come_is_asked_for_again(bucket: Bucket) -> None:
    bucket.client.put_object(Bucket=NAME, Key="sets/one/shard-0", Body=bytes(range(100)))
    bucket.forgive()
    bucket.slow = lambda number, _: 5 if number == 1 else 0
    store = Store(Url(URL), timeout=0.3)
    assert store.read("shard-0", 3, 7) == bytes([3, 4, 5, 6])
    assert len(bucket.reads()) == 2


@pytest.mark.usefixtures("bucket")
def test_a_server_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find_s3(monkeypatch, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(UnreachableError, match=f"^{URL}/a: Could not connect to the endpoint URL"):
        Store(Url(URL), patience=0.1).read("a", 0, 1)


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_does_not_exist_is_named() -> None:
    with pytest.raises(UserError, match=r"no finished packed set \(s3://another/set/set\.json: no such file"):
        split("s3://another/set")


@pytest.mark.slow
@pytest.mark.run
def test_a_run_on_a_bucket_resumed_in_the_middle_equals_one_on_a_disk(
    packed_photos: Path, bucket: Bucket, tmp_path: Path
) -> None:
    def weights(name: str, place: str, *steps: int) -> dict[str, torch.Tensor]:
        for step in steps:
            own = ("data=folder", f"data.train_dir={place}", "data.order=shards", "data.num_workers=1")
            more = (f"trainer.max_steps={step}", "ckpt_path=auto", "recipe.start_step=2", "scheduler=constant")
            train(compose_config(tiny(tmp_path / name, *own, *more)))
        loaded = torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)
        return {key: value for key, value in loaded["state_dict"].items() if "discriminator" not in key}

    url = copied(packed_photos, URL)
    bucket.broken = lambda number, _: number % 3 == 0
    remote, local = weights("remote", url, 4, 8), weights("local", str(packed_photos), 8)
    assert {*remote} == {*local}
    assert all(torch.equal(remote[key], local[key]) for key in local)


class FileSystem:
    """One that can be referred to weakly."""


def _opens_its_own(store: Store, inherited: weakref.ref[FileSystem]) -> None:
    before = inherited()
    assert store.files is not before
    del before
    assert inherited() is not None  # what is freed is closed, by the event loop of another process


def test_a_forked_process_leaves_its_parents_connection_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esrgan_train.remote.store._connect", lambda _: FileSystem())
    store = Store(Url(URL))
    arguments = (store, weakref.ref(store.files))
    process = multiprocessing.get_context("fork").Process(target=_opens_its_own, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
