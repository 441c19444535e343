"""From an archive to the photographs of a set."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.images.decode import decode
from esrgan_train.images.encode import write_image
from esrgan_train.images.scaling import resized
from esrgan_train.photosets.catalogue import Archive, Photograph, is_plain
from esrgan_train.photosets.members import reading

log = logging.getLogger(__name__)

TRAIN, HELD_OUT = "train", "held_out"
LICENCES = "licences"


def unpack(file: Path, archive: Archive, folder: Path) -> Counter[str]:
    """Write the photographs of an archive into ``train`` and ``held_out`` of a folder; how many went where.

    Raises:
        UserError: the archive cannot be read, lacks a photograph, or holds two of one name.
    """
    written: set[Path] = set()
    missing = set(archive.photographs)
    with reading(file) as members:
        for path, content in members:
            if str(path) == archive.licence_file:
                _copy(content, folder / LICENCES / f"{archive.package or file.stem}.txt")
            photograph = next((one for one in archive.photographs if fits(path, one.path)), None)
            if photograph is None:
                continue
            target = place_of(path, photograph, folder)
            if target in written:
                raise UserError(f"two of its photographs are called {target.name}")
            _write(content, path.suffix, target, photograph.reduce)
            written.add(target)
            missing.discard(photograph)
        if missing:
            raise UserError(f"it does not hold {', '.join(sorted(one.path for one in missing))}")
    return Counter(target.parent.name for target in written)


def fits(path: PurePosixPath, pattern: str) -> bool:
    """Whether a path in an archive fits a pattern, folder by folder: ``*`` does not reach into another."""
    parts, wanted = path.parts, PurePosixPath(pattern).parts
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def place_of(path: PurePosixPath, photograph: Photograph, folder: Path) -> Path:
    """Where a photograph is written; of its path in the archive nothing but the last name is used."""
    suffix = path.suffix.lower() if photograph.reduce == 1 else ".png"
    name = f"{photograph.name or path.stem}{suffix}"
    if not is_plain(name):
        raise UserError(f"{str(path)!r} is no name for a photograph")
    return folder / (HELD_OUT if photograph.held_out else TRAIN) / name


def _write(content: IO[bytes], suffix: str, target: Path, reduce: float) -> None:
    if reduce == 1:
        _copy(content, target)
        return
    whole = target.with_name(f".{target.stem}.whole{suffix.lower()}")
    try:
        _copy(content, whole)
        write_image(target, resized(decode(whole), 1 / reduce))
    finally:
        whole.unlink(missing_ok=True)


def _copy(content: IO[bytes], target: Path) -> None:
    with replacing(target) as partial, partial.open("wb") as file:
        shutil.copyfileobj(content, file)
