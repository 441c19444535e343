"""A packed set is read like the folder that it was made of."""

from __future__ import annotations

import json
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train.data.composition import compose
from esrgan_train.data.folders import folder_photos
from esrgan_train.data.loader import PhotoLoader
from esrgan_train.data.packed import PackedPhotos, open_packed
from esrgan_train.data.packed_layout import MARKER, NAMES, PAGE, RECORD, RECORDS, SHARD_HEADER, VERSION, Layout
from esrgan_train.data.pairs import paired_photos
from esrgan_train.data.photos import Joined
from esrgan_train.data.sources import Source, Sources
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.errors import UserError
from esrgan_train.identity import _PHOTOS
from esrgan_train.images.decode import UnreadableImageError, decode
from esrgan_train.images.encode import write_image
from esrgan_train.images.scaling import resized
from tests.data.small import names, noisy_mean, packed, split, stream_options, training_set, validation_set

SCALES = (1, 0.75, 0.5, 1 / 3)
SIZES = [(500, 601), (97, 350), (256, 256), (61, 33), (5, 3), (1, 80)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of 8 and 16 bits, some smaller than a window, in folders."""
    folder = tmp_path / "photos"
    for number, size in enumerate([*SIZES, *SIZES]):
        kind: Any = np.uint16 if number % 3 == 1 else np.uint8
        pixels = np.random.default_rng(number).integers(0, np.iinfo(kind).max, (*size, 3), kind, endpoint=True)
        write_image(folder / "ab"[number % 2] / f"{number:02}.png", pixels)
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """HR photos; the LR ones lie beside them in ``lr``."""
    for number, (height, width) in enumerate([(40, 44), (9, 60), (4, 4), (33, 20)]):
        lr = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        for side, pixels in (("lr", lr), ("hr", lr.repeat(2, 0).repeat(2, 1))):
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / side / f"{number}.png")
    return tmp_path / "hr"


def assert_same_samples(one: Source, other: Source, count: int = 120, **changed: Any) -> set[float]:
    """Compare the samples of two sources; the scales that occurred."""
    sets = [training_set(source, **({"scales": SCALES, "gt_size": 32} | changed)) for source in (one, other)]
    scales = set()
    for n in range(count):
        first, second = (each.sample(n) for each in sets)
        assert first.name == second.name
        assert first.scale == second.scale
        scales.add(first.scale)
        for side in ("lr", "hr", "hr_target"):
            assert np.array_equal(getattr(first, side), getattr(second, side)), (n, side)
    return scales


@pytest.mark.parametrize("usm", [False, True])
def test_samples_are_the_same_bit_for_bit_at_all_scales(photos: Path, usm: bool) -> None:
    folder, held = split(photos)[:2], split(packed(photos))[:2]
    for one, other in zip(folder, held, strict=True):
        assert isinstance(other, PackedPhotos)
        assert names(one) == names(other)
        assert [one.file_size(i) for i in range(len(one))] == [other.file_size(i) for i in range(len(other))]
    assert assert_same_samples(folder[0], held[0], usm=usm) == set(SCALES)
    both = [validation_set(source, upscale=2) for source in (folder[1], held[1])]
    for i in range(len(both[0])):
        assert np.array_equal(both[0][i]["hr"], both[1][i]["hr"])
        assert np.array_equal(both[0][i]["lr"], both[1][i]["lr"])


def test_every_plane_is_the_photo_at_its_scale(photos: Path) -> None:
    source = open_packed(packed(photos), option="x")
    for index in range(len(source)):
        file = photos / source.name(index)
        held, whole = source.decode(index), decode(file)
        assert np.array_equal(held.hr, whole)
        assert held.hr.dtype == whole.dtype
        assert not held.hr.flags.writeable
        assert set(held.scaled) == {0.75, 0.5, 1 / 3}
        for scale, plane in held.scaled.items():
            assert np.array_equal(plane, resized(whole, scale))
        assert source.header(index).size == (whole.shape[1], whole.shape[0])


def test_numpy_opens_a_shard_and_planes_begin_at_pages(photos: Path) -> None:
    target = packed(photos)
    source = open_packed(target, option="x")
    shard = np.load(target / "shard-00000.npy", mmap_mode="r")
    assert shard.dtype == np.uint8
    assert shard.offset == SHARD_HEADER == PAGE
    record = source.records[0]
    height, width = int(record["height"]), int(record["width"])
    pixels = shard[record["offset"] :][: height * width * 3].reshape(height, width, 3)
    assert np.array_equal(pixels, decode(photos / source.name(0)))
    for index in range(len(source)):
        assert source.records[index]["offset"] % PAGE == 0
    assert all(plane.offset % PAGE == 0 for plane in Layout((0.5, 0.3)).planes((333, 77), 2))


def test_a_resumed_run_does_not_notice_that_its_photos_were_packed(photos: Path) -> None:
    def fingerprint(folder: Path) -> Any:
        return compose(split(folder), stream_options(scales=SCALES), degradation=noisy_mean).fingerprint()

    without_tiny_ones(photos)
    assert fingerprint(photos) == fingerprint(packed(photos))
    assert set(_PHOTOS) <= set(fingerprint(photos))  # by which a resumed run knows that they are the same


def test_folders_and_sets_mix_with_weights(photos: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    for number in range(5):
        write_image(more / f"{number}.png", np.full((90, 90, 3), 40 * number, np.uint8))
    plain = split({photos: 1, more: 3}).training
    for given in ({packed(photos): 1, more: 3}, {photos: 1, packed(more): 3}):
        mixed = split(given).training
        assert isinstance(mixed, Joined)
        for n in range(40):
            assert (
                mixed.name(mixed.photo_of(0, n)).partition("/")[2]
                == plain.name(plain.photo_of(0, n)).partition("/")[2]
            )
    assert set(split(more, packed(photos)).validation.folders) == {packed_name(photos)}


def without_tiny_ones(photos: Path) -> None:
    """Those that validation refuses."""
    for name in ("a/04.png", "a/10.png", "b/05.png", "b/11.png"):
        (photos / name).unlink()


def packed_name(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}_packed")


@pytest.mark.parametrize("usm", [False, True])
def test_pairs_are_the_same_bit_for_bit(pairs: Path, usm: bool) -> None:
    common = {"val_dir": None, "val_lr_dir": None, "val_fraction": 0.05, "max_val_photos": 1, "upscale": 2}
    plain = paired_photos(train_dir=pairs, train_lr_dir=pairs.with_name("lr"), **common)
    held = paired_photos(train_dir=packed(pairs, upscale=2), train_lr_dir=None, **common)
    for one, other in zip(plain[:2], held[:2], strict=True):
        assert names(one) == names(other)
        assert other.paired
        assert_same_samples(one, other, usm=usm)


def test_a_missing_scale_is_resized_while_training_and_said_once(photos: Path) -> None:
    without_tiny_ones(photos)
    held = split(packed(photos, scales=(1, 0.5)))
    assert assert_same_samples(split(photos).training, held.training) == set(SCALES)
    remarks = compose(held, stream_options(scales=SCALES), degradation=noisy_mean)._remarks
    assert len(remarks) == 1
    assert "does not hold scale 0.75, 0.333333 of data.scales=[1, 0.75, 0.5, 0.333333]" in remarks[0]
    assert "esrgan_train.prepare PHOTOS -o NEW --scales 1 0.75 0.5 0.3333333333333333" in remarks[0]
    assert compose(held, stream_options(scales=[1, 0.5]), degradation=noisy_mean)._remarks == ()


def test_workers_read_it(photos: Path) -> None:
    held = training_set(split(packed(photos)).training, scales=SCALES, gt_size=32)
    loader = PhotoLoader(held, batch_size=2, sampler=RankStridedSampler(start=0), num_workers=2)
    batch = next(iter(loader))
    assert np.array_equal(batch["hr"][1], held[1]["hr"])


def test_it_can_be_sent_to_a_process_that_was_not_forked(photos: Path) -> None:
    source = split(packed(photos)).training
    sent = pickle.loads(pickle.dumps(source))
    assert names(sent) == names(source)
    assert np.array_equal(sent.decode(0).hr, source.decode(0).hr)


def test_tiles_of_one_photo_are_held_out_together(photos: Path) -> None:
    training, held_out, _ = split(packed(photos, tile=64, stride=32), val_fraction=0.3)
    trained, measured = ({name.partition("#")[0] for name in names(side)} for side in (training, held_out))
    assert trained | measured == {path.relative_to(photos).as_posix() for path in photos.rglob("*.png")}
    assert not trained & measured


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda root: os.truncate(root / "shard-00000.npy", 9000),
            "shard-00000.npy does not have the .* bytes",
        ),
        (
            lambda root: (root / "shard-00000.npy").unlink(),
            "damaged packed set .*shard-00000.npy: No such file",
        ),
        (lambda root: (root / RECORDS).write_bytes(b"x"), "is a damaged packed set .*: pack the photos again"),
        (lambda root: (root / MARKER).write_text("{}"), "is a damaged packed set .*version"),
        (
            lambda root: (root / MARKER).write_text('{"version": 99}'),
            "^data.train_dir=.*_packed is a packed set of version 99, this",
        ),
    ],
)
def test_a_damaged_set_is_found_when_it_is_opened(photos: Path, damage: Any, message: str) -> None:
    target = packed(photos)
    damage(target)
    with pytest.raises(UserError, match=message):
        split(target)


def test_a_set_that_vanishes_is_met_as_unreadable_photos(photos: Path) -> None:
    source = split(packed(photos)).training
    (packed_name(photos) / "shard-00000.npy").unlink()
    with pytest.raises(UnreadableImageError, match=r"\.png in .*photos_packed cannot be read: .*No such file"):
        source.decode(0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"train_lr_dir": "lr"}, "holds LR photos: leave out data.train_lr_dir=lr"),
        ({"upscale": 4}, "is a packed set of ×2 pairs: give upscale=2, not 4"),
        ({"val_dir": "photos"}, "data.val_dir=photos is given without data.val_lr_dir: give the folder"),
    ],
)
def test_pairs_that_do_not_fit_the_run(pairs: Path, given: dict[str, Any], message: str) -> None:
    common = {"val_dir": None, "val_lr_dir": None, "val_fraction": 0.05, "max_val_photos": 1, "upscale": 2}
    options = {"train_dir": packed(pairs, upscale=2), "train_lr_dir": None} | common
    with pytest.raises(UserError, match=message):
        paired_photos(**(options | given))


def test_pairs_and_photos_are_not_mistaken_for_each_other(pairs: Path, photos: Path) -> None:
    with pytest.raises(UserError, match="is a packed set of pairs: give data=paired"):
        folder_photos(train_dir=packed(pairs, upscale=2), val_dir=None, val_fraction=0.05, max_val_photos=1)
    common = {"val_dir": None, "val_lr_dir": None, "val_fraction": 0.05, "max_val_photos": 1, "upscale": 2}
    with pytest.raises(UserError, match="without LR photos: give data=folder, or pack them with --lr"):
        paired_photos(train_dir=packed(photos), train_lr_dir=None, **common)


def test_a_large_set_opens_without_reading_it(tmp_path: Path) -> None:
    count = 100_000
    joined = b"".join(b"photo%06d.png" % number for number in range(count))
    records = np.zeros(count, RECORD)
    records["height"], records["width"], records["depth"] = 1356, 2040, 1
    records["name_end"] = np.arange(1, count + 1) * 15
    np.save(tmp_path / RECORDS, records)
    np.save(tmp_path / NAMES, np.frombuffer(joined, np.uint8))
    described = {"version": VERSION, "scales": [0.5], "upscale": None, "shards": [], "options": {"tile": None}}
    (tmp_path / MARKER).write_text(json.dumps(described))
    sources: Sources = split(tmp_path)
    assert len(sources.training) + len(sources.validation) == count
    assert sources.training.name(0) == "photo000000.png"


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of memory")
def test_a_process_holds_no_more_of_a_set_the_more_it_reads(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    for number in range(8):
        write_image(folder / f"{number}.png", np.full((2000, 2000, 3), number, np.uint8))
    source = open_packed(packed(folder), option="x")
    training = training_set(source, scales=SCALES, cache_mb=64)
    training.sample(0)
    before = resident()
    for n in range(200):
        training.sample(n)
    assert sum(int(source.layout.length((2000, 2000), 1)) for _ in range(8)) > 150e6
    assert resident() - before < 20e6


def resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def test_logging_is_quiet_for_a_sound_set(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        split(packed(photos))
    assert caplog.messages == []
