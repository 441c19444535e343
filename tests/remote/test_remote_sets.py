"""A set behind an address gives the samples of the folder that it is a copy of, and reads little for them."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from PIL import Image

from esrgan_train.data.composition import compose
from esrgan_train.data.packed import PackedPhotos, open_packed
from esrgan_train.data.pairs import paired_photos
from esrgan_train.data.photos import Joined
from esrgan_train.data.reading import Reading
from esrgan_train.data.sources import Source
from esrgan_train.data.stream import photo_index
from esrgan_train.errors import UserError
from esrgan_train.identity import differing
from esrgan_train.images.decode import UnreadableImageError
from esrgan_train.remote.cache import BLOCK
from esrgan_train.remote.retries import persistently
from esrgan_train.remote.store import UnreachableError
from esrgan_train.remote.url import Url
from tests.data.small import names, noisy_mean, packed, split, stream_options, training_set, validation_set
from tests.remote.conftest import copied

SCALES = (1, 0.75, 0.5, 1 / 3)
URL = "memory://sets/one"

UNCACHED = Reading(cache_gb=0)

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
    source = open_packed(copied(packed_photos, URL), option="x", reading=UNCACHED)
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
    remote = split(copied(packed_photos, URL), remote_cache_gb=0).training
    reads.fail = lambda number: number % 3 > 0
    assert_same_samples(split(packed_photos).training, remote)
    assert sum(map(reads.fail, range(len(reads.ranges)))) > 60


def test_what_was_read_is_read_from_this_machine_by_the_next_run_too(
    packed_photos: Path, reads: Reads, caches: Path
) -> None:
    local, remote = split(packed_photos).training, split(copied(packed_photos, URL)).training
    assert_same_samples(local, remote)
    blocks = -(-(packed_photos / "shard-00000.npy").stat().st_size // BLOCK)
    assert 0 < len(reads.ranges) <= blocks + 1  # and the header at the start
    reads.ranges = []
    assert_same_samples(local, split(URL).training)
    assert reads.ranges == [(0, 4096)]
    assert (caches / "esrgan_train" / "sets").is_dir()


@pytest.fixture
def many_shards(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of a shard for each photo or two, of which four are shuffled together."""
    monkeypatch.setattr("esrgan_train.prepare.shards._SMALLEST", 400_000)
    monkeypatch.setattr("esrgan_train.data.stream.TOGETHER", 1_600_000)
    folder = tmp_path / "many" / "photos"
    shutil.copytree(photos, folder)
    return packed(folder)


def test_a_set_in_a_folder_and_elsewhere_have_one_order_by_shards(many_shards: Path) -> None:
    local, remote = split(many_shards, order="shards").training, split(copied(many_shards, URL)).training
    assert len(list(many_shards.glob("shard-*"))) >= 8
    assert local.order == remote.order == "shards"
    order = [local.photo_of(0, n) for n in range(3 * len(local))]
    assert order == [remote.photo_of(0, n) for n in range(3 * len(local))]
    assert_same_samples(local, remote)
    any_order = split(many_shards).training
    assert any_order.order == split(URL, order="photos").training.order == "photos"
    assert order != [any_order.photo_of(0, n) for n in range(3 * len(local))]
    assert [any_order.photo_of(0, n) for n in range(40)] == [
        photo_index(0, n, len(any_order)) for n in range(40)
    ]  # as ever


def test_weighted_and_joined_sets_keep_their_orders(many_shards: Path, packed_photos: Path) -> None:
    one, other = copied(many_shards, URL), copied(packed_photos, "memory://sets/other")
    joined = split([one, other]).training
    assert joined.order == "shards"
    assert sorted(joined.photo_of(0, n) for n in range(len(joined))) == list(range(len(joined)))
    assert split([one, str(packed_photos)]).training.order == "photos"
    weighted = split({one: 1, str(packed_photos): 1}).training
    assert weighted.order == "shards, photos"
    alone = split(one).training
    taken = [weighted.photo_of(0, n) for n in range(2 * len(alone))]
    assert [photo for photo in taken if photo < len(alone)] == [alone.photo_of(0, n) for n in range(len(alone))]


def test_a_cache_that_can_hold_nothing_is_refused(packed_photos: Path) -> None:
    with pytest.raises(UserError, match=r"^data\.remote_cache_gb=0\.1 is too small .* or at least 0\.3$"):
        split(copied(packed_photos, URL), remote_cache_gb=0.1)


def test_an_order_by_shards_has_no_effect_on_a_folder(photos: Path) -> None:
    assert split(photos, order="shards").remarks == (
        f"data.train_dir={photos} is no packed set: data.order=shards has no effect",
    )


def test_a_resumed_run_notices_another_order(many_shards: Path) -> None:
    fingerprints = [
        compose(split(many_shards, order=order), stream_options(), degradation=noisy_mean).fingerprint()
        for order in ("photos", "shards")
    ]
    assert differing(*fingerprints) == ["order of photos"]
    before = {name: value for name, value in fingerprints[0].items() if name != "order of photos"}
    assert differing(before, fingerprints[0]) == []  # of a version that knew one order


def test_a_shard_that_stays_unreachable_is_unreadable_photos(
    packed_photos: Path, reads: Reads, caplog: pytest.LogCaptureFixture
) -> None:
    remote = split(copied(packed_photos, URL), remote_cache_gb=0).training
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
    source = split(copied(packed_photos, URL), remote_cache_gb=0).training
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


def test_what_is_raised_travels_between_processes() -> None:
    error = UnreachableError.of(Url("https://me:secret@host/a"), ConnectionError("reset by peer"))
    sent = pickle.loads(pickle.dumps(error))
    assert str(sent) == str(error) == "https://***@host/a: reset by peer"
    assert not sent.missing


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
