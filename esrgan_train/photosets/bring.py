"""A set by its name, from its servers to a folder of photographs."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from omegaconf import OmegaConf

from esrgan_train.commands import command
from esrgan_train.config import config_dir
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.photosets.catalogue import PhotoSet, edition, read_set, set_file
from esrgan_train.photosets.fetch import fetch
from esrgan_train.photosets.licences import licences
from esrgan_train.photosets.unpack import HELD_OUT, TRAIN, unpack
from esrgan_train.space import free_space, shown_bytes

log = logging.getLogger(__name__)

MARK = "set.json"
ARCHIVES = "archives"
TABLE = "LICENCES.md"


def bring(given: str, folder: Path | None = None) -> Path:
    """Fetch, check and unpack a set, unless it is there; its folder, ``data/<name>`` by default.

    Raises:
        UserError: no such set, too little space, or the folder holds another one.
        RunError: an archive cannot be fetched; the next call goes on.
    """
    file = set_file(given)
    photos, folder = read_set(file), folder or Path("data") / file.stem
    log.info("set           %s: %s", file.stem, photos.about)
    log.info("licence       %s (%s)", photos.licence, photos.source)
    if not _is_whole(folder, edition(file)):
        _refuse_small_disk(photos, folder)
        _mark(folder, edition(file), whole=False)
        for archive in photos.archives:
            unpack(fetch(archive, folder / ARCHIVES), archive, folder)
        with replacing(folder / TABLE) as partial:
            partial.write_text(licences(file.stem, photos), encoding="utf-8")
        _mark(folder, edition(file), whole=True)
    _report(folder)
    return folder


def _is_whole(folder: Path, wanted: str) -> bool:
    """Whether the folder holds this edition of the set; ``UserError`` if it holds something else."""
    mark = folder / MARK
    if not mark.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} holds something else: give -o, a folder that is new")
        return False
    known = json.loads(mark.read_text(encoding="utf-8"))
    if known.get("edition") != wanted:
        raise UserError(f"{folder} holds another edition of the set: delete it, or give -o, a folder that is new")
    return bool(known.get("whole"))


def _mark(folder: Path, wanted: str, *, whole: bool) -> None:
    with replacing(folder / MARK, durable=True) as partial:
        partial.write_text(json.dumps({"edition": wanted, "whole": whole}) + "\n", encoding="utf-8")


def _refuse_small_disk(photos: PhotoSet, folder: Path) -> None:
    """``UserError`` if archives and photographs would not fit."""
    needed = 2 * sum(archive.bytes or 0 for archive in photos.archives)
    place, free = free_space(folder)
    if free < needed:
        raise UserError(
            f"{shown_bytes(free)} are free in {place}, but the set takes {shown_bytes(needed)}: give -o"
        )


def _report(folder: Path) -> None:
    counts = Counter(
        {side: len(list((folder / side).iterdir())) for side in (TRAIN, HELD_OUT) if (folder / side).is_dir()}
    )
    sides = {"data.train_dir": folder / TRAIN}
    if counts[HELD_OUT]:
        sides["data.val_dir"] = folder / HELD_OUT
    log.info("photographs   %s", ", ".join(f"{count:,} in {folder / side}" for side, count in counts.items()))
    log.info("licences      %s", folder / TABLE)
    log.info("kept          %s, which may be deleted", folder / ARCHIVES)
    log.info("train with    %s", command("esrgan_train", *_data_options(sides)))


def _data_options(sides: Mapping[str, Path]) -> list[str]:
    """The choice of ``data`` that means these folders, such as ``data=debian``; without one they are named."""
    for choice in sorted((config_dir() / "data").glob("*.yaml")):
        named = OmegaConf.load(choice)
        folders = {option: OmegaConf.select(named, option.removeprefix("data.")) for option in sides}
        if folders == {option: folder.as_posix() for option, folder in sides.items()}:
            return [f"data={choice.stem}"]
    return ["data=folder", *(f"{option}={folder}" for option, folder in sides.items())]
