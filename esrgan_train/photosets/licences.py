"""The page that goes with a set: who made what, and under which licence."""

from __future__ import annotations

from pathlib import PurePosixPath

from esrgan_train.photosets.catalogue import Archive, Photograph, PhotoSet
from esrgan_train.photosets.unpack import HELD_OUT, TRAIN


def licences(name: str, photos: PhotoSet) -> str:
    """Markdown: the set, its licence, and a line for each photograph, or pattern of them."""
    lines = [f"# {name}", "", f"{photos.about}. Licence: {photos.licence}. Source: <{photos.source}>", ""]
    lines += ["| photograph | side | author | licence | from |", "|---|---|---|---|---|"]
    lines += [_line(one, archive, photos) for archive in photos.archives for one in archive.photographs]
    if any(one.reduce != 1 for archive in photos.archives for one in archive.photographs):
        lines += ["", "They are smaller than the originals, and otherwise unchanged."]
    return "\n".join([*lines, ""])


def _line(one: Photograph, archive: Archive, photos: PhotoSet) -> str:
    side = HELD_OUT if one.held_out else TRAIN
    cells = [
        one.name or PurePosixPath(one.path).name,
        side,
        one.author or "",
        one.licence or photos.licence,
        f"{archive.file}: {one.path}",
    ]
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
