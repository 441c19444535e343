"""Rows: packing photos, opening a large set, and the memory of a process that reads from it."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.child import result_of, start_child
from benchmarks.pictures import large_photo
from benchmarks.row import Goal, Row
from benchmarks.samples import scales
from benchmarks.sizes import Sizes
from benchmarks.timing import interleaved, spread
from esrgan_train.cores import usable_cores
from esrgan_train.data.folders import folder_photos
from esrgan_train.data.packed import open_packed
from esrgan_train.data.packed_layout import (
    MARKER,
    NAMES,
    RECORD,
    RECORDS,
    SHARD_HEADER,
    VERSION,
    Layout,
    shard_header,
    shard_name,
)
from esrgan_train.data.photos import Photos
from esrgan_train.data.workers import start_worker
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import write_image
from esrgan_train.images.find import find_photos
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pack import pack
from esrgan_train.resident import held_memory

_DIFFERENT = 4  # photos that are packed again and again under other names
_OPEN_SECONDS, _GROWTH_MB = 1.0, 5.0
_SIDE, _SHARDS, _FIRST = 128, 20, 1000  # pixels of an entry; files; entries read before memory is noted


def prepare_row(sizes: Sizes) -> Row:
    """Packing a folder of PNG files, scores and duplicates included, and decoding them alone."""
    workers = usable_cores()
    with TemporaryDirectory() as folder:
        root = Path(folder)
        photos = Photos(find_photos(_photos(root / "photos", sizes), option="photos"))

        def prepare() -> None:
            shutil.rmtree(root / "set", ignore_errors=True)
            pack(photos, root / "set", Options(scales=scales()), workers=workers)

        seconds = interleaved(
            {"ours": prepare, "peer": lambda: _decode_all(list(photos.table), workers)},
            rounds=2,
            warm_up=0,
        )
    per_photo = 1000 / sizes.packed_photos
    ours, peer = (spread(seconds[side], scale=per_photo) for side in ("ours", "peer"))
    width, height = sizes.photo_size
    return Row(
        key="prepare",
        name=f"packing one of {sizes.packed_photos} PNGs of {width} × {height} at {len(scales())} scales",
        sizes={"width": width, "height": height, "photos": sizes.packed_photos},
        unit="ms",
        ours=ours,
        peer=peer,
        peer_name="decoding them alone on as many cores",
        rounds=len(seconds["ours"]),
        floor=peer.min,
        floor_name="decoding them alone on as many cores",
        note=f"{1000 / ours.median:.3g} photos a second with {workers} processes, their start included",
    )


def packed_rows(sizes: Sizes) -> list[Row]:
    """Opening a set of many entries as training does, and what a process holds more after reading from it."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_set(root, sizes.entries)
        opening = interleaved({"": lambda: _open(root)}, rounds=sizes.rounds)[""]
        found = result_of(start_child(measure_growth, root, sizes.touched), "memory of a packed set")
    sizes_of = {"entries": sizes.entries}
    gigabytes = found["bytes"] / 1e9
    return [
        Row(
            key="packed_open",
            name=f"opening a packed set of {sizes.entries:,} entries, some of them held out",
            sizes=sizes_of,
            unit="s",
            ours=spread(opening),
            rounds=len(opening),
            goal=Goal("value", _OPEN_SECONDS),
        ),
        Row(
            key="packed_memory",
            name=f"growth of a process that reads {sizes.touched:,} entries of a packed set of {sizes.entries:,}",
            sizes={**sizes_of, "touched": sizes.touched},
            unit="MiB",
            ours=spread([found["growth"]], scale=2**-20),
            goal=Goal("value", _GROWTH_MB),
            note=f"VmRSS after the first {_FIRST:,} and after all, {gigabytes:.1f} GB of pixels; it counts pages "
            f"of the index ({found['index'] / 2**20:.1f} MiB), which processes share",
        ),
    ]


def write_set(root: Path, entries: int) -> None:
    """A packed set of black photos in files that take no space on the disk."""
    shards = write_index(root, entries, side=_SIDE, per_shard=-(-entries // _SHARDS))
    for number, pixels in enumerate(shards):
        with (root / shard_name(number)).open("wb") as file:
            file.write(shard_header(pixels))
            file.truncate(SHARD_HEADER + pixels)


def write_index(root: Path, entries: int, *, side: int, per_shard: int, whole: bool = False) -> list[int]:
    """All of a packed set but its shards: returns the bytes of pixels that each of these must have.

    Args:
        root: the set's folder.
        entries: how many.
        side: of each, in pixels.
        per_shard: how many of them a shard holds.
        whole: the last shard is as large as the others, whatever it holds.
    """
    layout = Layout.of(scales(), upscale=None)
    length = layout.length((side, side), depth=1)
    records = np.zeros(entries, RECORD)
    numbers = np.arange(entries)
    names = [f"folder{number // 1000:04d}/photo{number:07d}.png".encode() for number in numbers]
    records["shard"], records["offset"] = numbers // per_shard, numbers % per_shard * length
    records["height"], records["width"], records["depth"] = side, side, 1
    records["name_end"], records["file_size"] = np.cumsum([len(name) for name in names]), 1
    starts = range(0, entries, per_shard)
    shards = [(per_shard if whole else min(per_shard, entries - start)) * length for start in starts]
    np.save(root / RECORDS, records)
    np.save(root / NAMES, np.frombuffer(b"".join(names), np.uint8))
    described: dict[str, Any] = {"version": VERSION, "scales": layout.scales, "upscale": None}
    described |= {"shards": [SHARD_HEADER + pixels for pixels in shards], "options": {"tile": None}}
    (root / MARKER).write_text(json.dumps(described), encoding="utf-8")
    return shards


def measure_growth(root: Path, touched: int) -> dict[str, int]:
    """Bytes that this process holds more after reading ``touched`` entries than after the first of them."""
    photos = open_packed(root, option="set")
    order = np.random.default_rng(0).permutation(len(photos))[:touched]
    read = before = 0
    for count, index in enumerate(order):
        if count == min(_FIRST, touched // 2):
            before = held_memory()
        photo = photos.decode(int(index))
        for plane in (photo.hr, *photo.scaled.values()):
            read += plane.nbytes
            plane.max()  # touches every page
    index = sum((root / name).stat().st_size for name in (RECORDS, NAMES))
    return {"growth": max(0, held_memory() - before), "bytes": read, "index": index}


def _open(root: Path) -> None:
    folder_photos(train_dir=str(root), val_dir=None, val_fraction=0.05, max_val_photos=32)


def _photos(folder: Path, sizes: Sizes) -> Path:
    folder.mkdir()
    for number in range(sizes.packed_photos):
        file = folder / f"{number:04d}.png"
        if number < _DIFFERENT:
            write_image(file, large_photo(sizes.photo_size, seed=number))
        else:
            shutil.copyfile(folder / f"{number % _DIFFERENT:04d}.png", file)
    return folder


def _decode_all(files: list[Path], workers: int) -> None:
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else None)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker, initargs=(0,)) as pool:
        for _ in pool.map(_decode, files):
            pass


def _decode(file: Path) -> int:
    return decode(file).nbytes
