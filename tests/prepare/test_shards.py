"""Shards, and what is left out of them once all photos are known."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage

from esrgan_train.data.packed import open_packed
from esrgan_train.data.pairs import paired_photos
from esrgan_train.errors import RunError, UserError
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import write_image
from esrgan_train.images.photo import resize_levels
from esrgan_train.prepare import pack as packing
from esrgan_train.prepare import pool, shards
from esrgan_train.prepare.inputs import pairs_in, photos_in
from esrgan_train.prepare.manifest import read
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pack import MANIFEST, pack
from esrgan_train.prepare.shards import Expected, ShardJob, plan
from esrgan_train.prepare.target import FolderTarget
from tests.data.small import training_set

SAMPLE = Path(skimage.__file__).parent / "data"
SCALES = (1, 0.5)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A photo, two smaller ones made of it that are nearer to each other, and others."""
    whole = decode(SAMPLE / "astronaut.png")
    small = resize_levels(whole[:500], (200, 196))
    for name, picture in {
        "0 whole": whole,
        "1 small": small,
        "2 small again": small,
        "3 other": decode(SAMPLE / "coffee.png"),
        "4 other": decode(SAMPLE / "chelsea.png"),
    }.items():
        write_image(tmp_path / "photos" / f"{name}.png", picture)
    return tmp_path / "photos"


def held(target: Path) -> dict[str, Any]:
    source = open_packed(target, option="x")
    return {source.name(index): np.array(source.decode(index).hr) for index in range(len(source))}


def test_of_photos_that_resemble_each_other_one_stays_and_the_rest_takes_no_space(
    photos: Path, tmp_path: Path
) -> None:
    options = Options(scales=SCALES, drop=("duplicate",))
    packed = pack(photos_in([photos]), tmp_path / "set", options, workers=1)
    kept = held(tmp_path / "set")
    assert [*kept] == ["0 whole.png", "3 other.png", "4 other.png"]
    for name, pixels in kept.items():
        assert np.array_equal(pixels, decode(photos / name))
    sizes = [(pixels.shape[0], pixels.shape[1]) for pixels in kept.values()]
    (shard,) = (tmp_path / "set").glob("shard*")
    expected = shards.SHARD_HEADER + sum(options.layout.length(size, 1) for size in sizes)
    assert packed.bytes == shard.stat().st_size == expected
    statuses = {row.name: (row.status, row.entries) for row in read(tmp_path / "set" / MANIFEST)}
    assert statuses["2 small again.png"] == ("left out", 0)
    assert not (tmp_path / "set" / shards.UNFINISHED).exists()


def test_a_kill_while_photos_are_left_out_is_made_good(photos: Path, tmp_path: Path) -> None:
    """Before a shard is in its place, and before what it was copied from is gone."""
    job = ShardJob(0, range(5), photos_in([photos]), Options(scales=SCALES), FolderTarget(tmp_path / "set"))
    job.write(lambda: None)
    everything = job.read().entries
    raw_file, file = tmp_path / "set" / job.raw, tmp_path / "set" / job.file
    raw = raw_file.read_bytes()
    chosen = [everything[1], everything[4]]
    settled = job.settle(chosen)
    once = file.read_bytes()
    assert [entry.name for entry in settled] == ["1 small.png", "4 other.png"]
    assert settled[0].offset == 0
    assert not raw_file.exists()
    raw_file.write_bytes(raw)  # as if it had not been removed
    assert job.done()
    assert job.settle(chosen) == settled
    assert file.read_bytes() == once
    assert not raw_file.exists()


@pytest.mark.slow
@pytest.mark.run
def test_workers_that_are_not_forked_give_the_same_bytes(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(scales=SCALES)
    for method in ("fork", "spawn"):
        monkeypatch.setattr(pool, "start_method", lambda chosen=method: chosen)
        pack(photos_in([photos]), tmp_path / method, options, workers=2)
    fork, spawn = (
        {path.name: path.read_bytes() for path in (tmp_path / method).iterdir()} for method in ("fork", "spawn")
    )
    assert fork == spawn


@pytest.mark.parametrize(("hr_bits", "lr_bits"), [(16, 8), (8, 16), (16, 16)])
def test_pairs_of_which_one_side_has_more_bits_stay_the_same(tmp_path: Path, hr_bits: int, lr_bits: int) -> None:
    kinds: dict[int, Any] = {8: np.uint8, 16: np.uint16}
    for number in range(4):
        rng = np.random.default_rng(number)
        for side, bits, length in (("hr", hr_bits, 60), ("lr", lr_bits, 30)):
            pixels = rng.integers(0, 2**bits, (length, length, 3), dtype=kinds[bits])
            write_image(tmp_path / side / f"{number}.png", pixels)
    common = {"val_dir": None, "val_lr_dir": None, "val_fraction": 0.05, "max_val_photos": 1, "upscale": 2}
    plain = paired_photos(train_dir=tmp_path / "hr", train_lr_dir=tmp_path / "lr", **common).training
    source = pairs_in([tmp_path / "hr"], tmp_path / "lr")
    pack(source, tmp_path / "set", Options(scales=SCALES, upscale=2), workers=1)
    packed = paired_photos(train_dir=tmp_path / "set", train_lr_dir=None, **common).training
    for n in range(12):
        one, other = (training_set(each, degradation=None, usm=True).sample(n) for each in (plain, packed))
        for field in ("lr", "hr", "hr_target"):
            assert np.array_equal(getattr(one, field), getattr(other, field))


def test_the_space_for_16_bits_is_known_before_the_start(tmp_path: Path) -> None:
    for bits, kind in ((8, np.uint8), (16, np.uint16)):
        write_image(tmp_path / f"photos/{bits}.png", np.zeros((300, 400, 3), kind))
        write_image(tmp_path / f"photos/{bits}.tiff", np.zeros((300, 400, 3), kind))
    source = photos_in([tmp_path / "photos"])
    found = [*packing._expected(source)]
    assert [each.depth for each in found] == [2, 2, 1, 1]
    options = Options(scales=SCALES)
    packed = pack(source, tmp_path / "set", options, workers=1)
    assert plan(found, options)[1] == [packed.bytes - shards.SHARD_HEADER]


def test_a_disk_that_is_too_small_leaves_nothing_behind(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(UserError, match="are free: free some space"):
        pack(photos_in([photos]), tmp_path / "set", Options(scales=SCALES), workers=1)
    assert not (tmp_path / "set").exists()


def test_a_disk_that_is_full_at_the_end_is_a_failure_that_can_go_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, options = photos_in([photos]), tmp_path / "set", Options(scales=SCALES)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", str(target / "photos.npy"))

    with monkeypatch.context() as patch:
        patch.setattr(packing, "write_index", full)
        with pytest.raises(RunError, match=r"photos\.npy: No space left on device; the same command goes on"):
            pack(source, target, options, workers=1)
    with monkeypatch.context() as patch:
        patch.setattr(ShardJob, "write", None)  # every shard is there
        pack(source, target, options, workers=1)
    assert len(held(target)) == 5


def test_expected_lengths_of_photos_that_cannot_be_read_are_small() -> None:
    (length,) = plan([Expected((0, 0), 1)], Options(scales=SCALES))[1]
    assert length <= 2 * 4096
