"""The photos of several folders, paired by their names."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from esrgan_train.errors import UserError
from esrgan_train.images.decode import read_upright_size
from esrgan_train.images.find import find_photos
from esrgan_train.images.names import distinct_names

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A photo of the ground truth with its partners: another program's result and the input, where given."""

    name: str
    truth: Path
    result: Path | None
    lr: Path | None


def find_pairs(truth: Path, *, results: Path | None, inputs: Path | None) -> list[Pair]:
    """Every photo of the ground truth, with its partners in the other folders; ``UserError`` if one is missing."""
    truths = _by_name(truth, "--gt")
    found, given = _partners(truths, results, "--results"), _partners(truths, inputs, "--lr")
    return [Pair(name, path, found.get(name), given.get(name)) for name, path in truths.items()]


def check_sizes(pairs: Sequence[Pair], scale: int) -> None:
    """``UserError`` naming all pairs whose sizes do not fit; the ground truth is cut to multiples of ``scale``."""
    wrong = []
    for pair in pairs:
        width, height = (side // scale * scale for side in read_upright_size(pair.truth))
        for path, factor, what in ((pair.result, 1, "result"), (pair.lr, scale, f"LR times {scale}")):
            if path is None:
                continue
            size = [side * factor for side in read_upright_size(path)]
            if size != [width, height]:
                wrong.append(f"{pair.name} ({what} is {size[0]} × {size[1]}, the ground truth {width} × {height})")
    if wrong:
        raise UserError(f"{len(wrong)} of the sizes do not fit: {', '.join(wrong)}; give partners that do")


def _by_name(folder: Path, option: str) -> dict[str, Path]:
    """The photos of a folder by relative path without suffix, which those keep that differ in it alone."""
    photos = list(find_photos(folder, option=option))
    relative = [path.relative_to(folder) for path in photos]
    names = distinct_names(relative)
    if kept := [name for name, path in zip(names, relative, strict=True) if name == path.as_posix()]:
        log.info("%s=%s: %s keep their suffixes, as they differ in these alone", option, folder, ", ".join(kept))
    return dict(zip(names, photos, strict=True))


def _partners(truths: dict[str, Path], folder: Path | None, option: str) -> dict[str, Path]:
    """The photos of ``folder`` by the names of ``truths``; none without a folder."""
    if folder is None:
        return {}
    # What upscale --keep-suffix has made of photo.jpg is called photo.jpg without its own suffix.
    kept = {f"{name}{path.suffix}": name for name, path in truths.items() if not name.endswith(path.suffix)}
    found = {kept.get(name, name): path for name, path in _by_name(folder, option).items()}
    if missing := sorted(truths.keys() ^ found.keys()):
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise UserError(f"{option}={folder} and --gt do not pair: {', '.join(missing[:3])}{more} stand alone")
    return found
