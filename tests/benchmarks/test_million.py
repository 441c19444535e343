"""Packed sets of many entries that take little of the disk, and what is measured on them."""

from __future__ import annotations

import json
import mmap
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import benchmarks.million.__main__ as command
from benchmarks.million.bucket import bucket_of
from benchmarks.million.large_set import write_large_set
from benchmarks.million.measured import Case, Measured, Sizes, read, write
from benchmarks.million.table import section_of
from benchmarks.million.visit import private_memory
from esrgan_train.data.packed import open_packed
from esrgan_train.data.reading import Reading
from esrgan_train.errors import UserError
from tests.remote.server import find_s3

pytestmark = pytest.mark.run

ROOT = Path(__file__).parents[2]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's account of memory")


@pytest.mark.slow
def test_a_set_of_many_entries_has_the_shards_of_prepare_and_the_disk_holds_one(tmp_path: Path) -> None:
    write_large_set(tmp_path / "set", 3_000, side=128)
    photos = open_packed(tmp_path / "set", option="set")
    shards = sorted((tmp_path / "set").glob("shard-*.npy"))
    # 128 pixels a side, then 96, 64 and 42, each in whole pages of 4096 bytes: 12 + 7 + 3 + 2
    length = 24 * 4096
    assert len(shards) == -(-3_000 // (2**26 // length))
    assert len({shard.stat().st_ino for shard in shards}) == 1
    assert len(photos) == 3_000
    assert len({photos.name(index) for index in range(3_000)}) == 3_000
    per_shard, content = 2**26 // length, np.load(shards[0], mmap_mode="r")
    for index in (0, 5, per_shard - 1, per_shard, 2_999):
        photo, start = photos.decode(index), index % per_shard * length
        assert np.array_equal(photo.hr.ravel(), content[start : start + 128 * 128 * 3])
        assert [picture.shape[0] for picture in photo.scaled.values()] == [96, 64, 42]


@pytest.mark.slow
def test_a_set_read_through_the_bucket_is_that_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_large_set(tmp_path / "large", 40, side=64)
    here = open_packed(tmp_path / "large", option="set")
    with bucket_of(tmp_path) as environment:
        find_s3(monkeypatch, environment)
        there = open_packed("s3://large", option="set", reading=Reading(cache_dir=tmp_path / "cache"))
        uncached = open_packed("s3://large", option="set", reading=Reading(cache_gb=0))
        assert [there.name(index) for index in range(40)] == [here.name(index) for index in range(40)]
        for index in (0, 17, 39):
            window = np.s_[3:50, 7:60]
            for photos in (there, uncached):
                assert np.array_equal(photos.decode(index).hr[window], here.decode(index).hr[window])
        with pytest.raises(UserError, match="holds no finished packed set"):
            open_packed("s3://nothing", option="set", reading=Reading(cache_gb=0))


@LINUX
def test_memory_that_a_process_shares_is_not_its_own() -> None:
    before = private_memory(os.getpid())
    pages = mmap.mmap(-1, 80_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # none that were freed before
    block = np.frombuffer(pages, np.uint8)
    block[:] = 1
    alone = private_memory(os.getpid())
    receiving, sending = os.pipe()
    child = os.fork()
    if not child:
        os.close(sending)
        os.read(receiving, 1)  # until the parent has looked
        os._exit(0)
    shared = private_memory(os.getpid())
    os.close(sending)
    os.waitpid(child, 0)
    os.close(receiving)
    assert block.all()
    assert 79e6 < alone - before < 90e6
    assert shared < alone - 79e6


# The file and the page


VISIT = {
    "import_seconds": 4.0,
    "open_seconds": 0.5,
    "first_batch_seconds": 6.25,
    "samples_per_second": 200.4,
    "worker_bytes": 30.0 * 2**20,
    "main_bytes": 2.0**30,
}
MEASURED = Measured(
    {"cores": 2, "cpu": "A Processor", "load_average_at_start": 0.1, "versions": {"torch": "9.9"}},
    Sizes(side=512, gt_size=256, samples=480, cache_gb=6),
    {
        Case(1_000, "folder", "cold"): [VISIT, VISIT | {"open_seconds": 0.75}, VISIT | {"open_seconds": 0.25}],
        Case(1_000_000, "S3", "warm"): [VISIT],
    },
)


def test_the_table_has_medians_and_what_lies_round_them() -> None:
    assert section_of(MEASURED).splitlines()[2:] == [
        "| 1,000 | folder | cold | 0.50 (0.25 to 0.75) | 6.2 (6.2 to 6.2) | 30 (30 to 30) | 200 (200 to 200) |",
        "| 1,000,000 | S3 | warm | 0.50 | 6.2 | 30 | 200 |",
        "",
        "480 samples of GT 256 from entries of 512 × 512 pixels; 3 rounds, median (smallest to largest); 2 cores "
        "of A Processor; load 0.1 at the start; torch 9.9.",
    ]


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "million.json"
    assert read(file) is None
    write(file, MEASURED)
    assert read(file) == MEASURED
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(UserError, match=r"is no file of python -m benchmarks\.million"):
        read(file)


def test_the_page_holds_what_the_file_says() -> None:
    page = (ROOT / command.SECTION.page).read_text(encoding="utf-8")
    expected = section_of(read(ROOT / command.FILE))
    assert command.SECTION.within(page) == expected, "run python -m benchmarks.million, which writes the page"


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(UserError, match=r"take up to 7\.2 GB, and 0\.0 GB are free there: .*TMPDIR"):
        command._check_room(command.FULL)


@LINUX
@pytest.mark.slow
def test_the_command_visits_folder_and_bucket_cold_and_warm_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert command.main(["--quick", "--entries", "100"]) == 0
    content = json.loads(Path("runs/million-quick.json").read_text(encoding="utf-8"))
    cases = [tuple(entry["case"].values()) for entry in content["cases"]]
    assert cases == [(100, place, state) for place in ("folder", "S3") for state in ("cold", "warm")]
    for entry in content["cases"]:
        (visit,) = entry["visits"]
        assert 0 < visit["open_seconds"] < visit["first_batch_seconds"] - visit["import_seconds"]
        assert visit["samples_per_second"] > 0
        assert 2**20 < visit["worker_bytes"] < visit["main_bytes"]
    assert not list((tmp_path / "temporary").glob("million-*"))
    assert "| 100 | S3 | warm |" in capsys.readouterr().out
