"""A set behind an address gives the samples of the folder that it is a copy of, and reads little for them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from esrgan_train.data.packed import PackedPhotos, open_packed
from esrgan_train.data.pairs import paired_photos
from esrgan_train.data.photos import Joined
from esrgan_train.data.sources import Source
from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError
from esrgan_train.remote.retries import persistently
from tests.data.small import names, packed, split, training_set, validation_set
from tests.remote.conftest import copied

SCALES = (1, 0.75, 0.5, 1 / 3)
URL = "memory://sets/one"

pytestmark = pytest.mark.usefixtures("memory")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time does not pass while waiting."""

    def hurried(attempt: Any, *, patience: float) -> Any:
        passed = [0.0]
        return persistently(
            attempt,
            patience=patience,
            sleep=lambda seconds: passed.append(passed.pop() + seconds),
            clock=lambda: passed[0],
        )

    monkeypatch.setattr("esrgan_train.remote.store.persistently", hurried)


class Reads:
    """Counts and spoils the reads of shards."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ranges: list[tuple[int, int]] = []
        self.fail = lambda _number: False
        read = MemoryFileSystem.cat_file

        def cat_file(files: Any, path: str, start: Any = None, end: Any = None, **more: Any) -> bytes:
            if "shard-" in path:
                self.ranges.append((start, end))
                if self.fail(len(self.ranges)):
                    raise ConnectionError("reset by peer")
            return read(files, path, start=start, end=end, **more)  # type: ignore[no-any-return]

        monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


def assert_same_samples(one: Source, other: Source, count: int = 60) -> None:
    sets = [training_set(source, scales=SCALES, gt_size=32) for source in (one, other)]
    for n in range(count):
        first, second = (each.sample(n) for each in sets)
        assert first.name == second.name
        for side in ("lr", "hr", "hr_target"):
            assert np.array_equal(getattr(first, side), getattr(second, side)), (n, side)


def test_samples_and_held_out_photos_are_the_same_bit_for_bit(packed_photos: Path) -> None:
    local, remote = split(packed_photos), split(copied(packed_photos, URL))
    for one, other in zip(local[:2], remote[:2], strict=True):
        assert isinstance(other, PackedPhotos)
        assert names(one) == names(other)
        assert [one.file_size(i) for i in range(len(one))] == [other.file_size(i) for i in range(len(other))]
    assert_same_samples(local.training, remote.training)
    both = [validation_set(each.validation, upscale=2) for each in (local, remote)]
    for i in range(len(both[0])):
        assert np.array_equal(both[0][i]["hr"], both[1][i]["hr"])
    assert remote.training.describe() == "memory://sets/one"
    assert remote.training.place(0) == "00.png in memory://sets/one"


def test_a_sample_is_one_read_of_the_rows_that_it_needs(packed_photos: Path, reads: Reads) -> None:
    source = open_packed(copied(packed_photos, URL), option="x")
    samples = training_set(source, scales=[1], gt_size=32)
    side, reads.ranges = samples.cutter.needed_side(paired=False), []
    for n in range(30):
        samples.sample(n)
    assert len(reads.ranges) == 30
    rows = 200 * 3 * side
    assert {stop - start for start, stop in reads.ranges} <= {rows, 2 * rows, 61 * 70 * 3 * 2, 61 * 70 * 3}


def test_pairs_are_the_same_bit_for_bit(tmp_path: Path) -> None:
    for number in range(4):
        lr = np.random.default_rng(number).integers(0, 256, (30 + number, 40, 3), dtype=np.uint8)
        for side, pixels in (("lr", lr), ("hr", lr.repeat(2, 0).repeat(2, 1))):
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / side / f"{number}.png")
    common = {"train_lr_dir": None, "val_dir": None, "val_lr_dir": None, "val_fraction": 0.05, "upscale": 2}
    folder = packed(tmp_path / "hr", upscale=2)
    local, remote = (
        paired_photos(train_dir=place, max_val_photos=1, **common) for place in (folder, copied(folder, URL))
    )
    assert_same_samples(local.training, remote.training)


def test_sets_in_folders_and_elsewhere_mix_with_weights(packed_photos: Path) -> None:
    mixed = split({copied(packed_photos, URL): 1, str(packed_photos): 3}).training
    assert isinstance(mixed, Joined)
    assert {mixed.name(mixed.photo_of(0, n)).partition("/")[0] for n in range(20)} == {"one", "photos_packed"}
    with pytest.raises(UserError, match=f"data.train_dir={URL} and data.train_dir={URL} overlap"):
        split([URL, URL])


def test_failing_reads_change_no_sample(packed_photos: Path, reads: Reads) -> None:
    remote = split(copied(packed_photos, URL)).training
    reads.fail = lambda number: number % 3 > 0
    assert_same_samples(split(packed_photos).training, remote)
    assert sum(map(reads.fail, range(len(reads.ranges)))) > 60


def test_a_shard_that_stays_unreachable_is_unreadable_photos(
    packed_photos: Path, reads: Reads, caplog: pytest.LogCaptureFixture
) -> None:
    remote = split(copied(packed_photos, URL)).training
    good = np.asarray(remote.decode(3).hr)
    reads.fail = lambda _number: True
    message = r"^03\.png in memory://sets/one cannot be read: memory://sets/one/shard-00000\.npy: reset by peer$"
    with pytest.raises(UnreadableImageError, match=message):
        np.asarray(remote.decode(3).hr)
    patient, reads.ranges = len(reads.ranges), []
    assert patient > 20
    with pytest.raises(UnreadableImageError, match="reset by peer"):
        np.asarray(remote.decode(5).hr)
    assert len(reads.ranges) == 1  # no more waiting for a shard that was given up
    samples = training_set(remote, max_bad_fraction=0.5)
    with pytest.raises(UserError, match=r"data\.max_bad_fraction=0\.5 is exceeded: .* training photos"):
        samples.sample(0)
    assert ".png in memory://sets/one cannot be read" in caplog.text
    reads.fail = lambda _number: False
    assert np.array_equal(np.asarray(remote.decode(3).hr), good)


def test_it_can_be_sent_to_a_process_that_was_not_forked(packed_photos: Path) -> None:
    source = split(copied(packed_photos, URL)).training
    sent = pickle.loads(pickle.dumps(source))
    assert np.array_equal(np.asarray(sent.decode(0).hr), np.asarray(source.decode(0).hr))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("set.json", None, r"holds no finished packed set \(memory://sets/one/set.json: no such file\)"),
        ("set.json", b"{}", r"is a damaged packed set \(KeyError\('version'\)\): pack the photos again"),
        ("photos.npy", b"x", "is a damaged packed set"),
        ("shard-00000.npy", b"x", "is a damaged packed set: shard-00000.npy does not have the .* bytes that"),
        ("shard-00000.npy", None, r"is a damaged packed set \(memory://sets/one/shard-00000.npy: no such file\)"),
    ],
)
def test_a_damaged_set_is_found_when_it_is_opened(
    packed_photos: Path, memory: MemoryFileSystem, file: str, content: bytes | None, message: str
) -> None:
    copied(packed_photos, URL)
    memory.rm_file(f"/sets/one/{file}")
    if content is not None:
        memory.pipe_file(f"/sets/one/{file}", content)
    with pytest.raises(UserError, match=f"^data.train_dir={URL} {message}"):
        split(URL)


def test_a_server_that_sends_whole_files_is_found_when_a_set_is_opened(
    packed_photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(packed_photos, URL)
    read = MemoryFileSystem.cat_file
    monkeypatch.setattr(MemoryFileSystem, "cat_file", lambda files, path, **_: read(files, path))
    with pytest.raises(UserError, match="the server sends whole files where parts are asked for"):
        split(URL)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense://x/y", "nonsense://x/y: Protocol not known: nonsense; give s3://, gs://, hf:// or https://"),
        ("dbfs://x/y", "dbfs://x/y: .*missing 2 required .*; give s3://, gs://, hf:// or https://"),
    ],
)
def test_a_protocol_that_nobody_knows(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        split(url)
