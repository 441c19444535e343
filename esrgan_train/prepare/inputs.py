"""The photos that are given: folders, files, pairs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from esrgan_train.data.folders import refuse_overlap
from esrgan_train.data.packed import is_packed
from esrgan_train.data.pair_names import Side, match
from esrgan_train.data.pairs import PairedPhotos
from esrgan_train.data.photos import Photos, join
from esrgan_train.data.sources import Source
from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError, read_upright_size
from esrgan_train.images.find import PathTable, find_photos

log = logging.getLogger(__name__)

_LARGEST_UPSCALE = 16


def photos_in(places: Sequence[Path]) -> Source:
    """The photos below folders, and single files.

    Names are paths below the folder; where several folders are given, below the folder's parent.

    Raises:
        UserError: a place does not exist or holds no photo, two overlap or two folders have one name.
    """
    _refuse_packed(places)
    files: dict[Path, list[str]] = {}
    folders: list[Path] = []
    for place in dict.fromkeys(places):
        if place.is_file():
            files.setdefault(place.parent, []).append(place.name)
        else:
            folders.append(place)
    parts = [Photos(find_photos(folder, option="SRC")) for folder in folders]
    parts += [Photos(PathTable(folder, sorted(names))) for folder, names in files.items()]
    refuse_overlap(("SRC", folder) for folder in folders)
    for parent in files:
        if inside := next(
            (folder for folder in folders if parent.resolve().is_relative_to(folder.resolve())), None
        ):
            raise UserError(f"{parent / files[parent][0]} lies in {inside}, which is given too: give one of them")
    names = [part.table.root.resolve().name for part in parts]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two of the folders are called {twice}, so their photos would be: rename one of them")
    return join(parts)


def pairs_in(places: Sequence[Path], lr: Path) -> PairedPhotos:
    """The HR photos below the one folder and their LR photos below ``lr``; their sizes tell the upscale.

    Raises:
        UserError: several places, a folder without photos, no photo with a partner, or no whole upscale.
    """
    _refuse_packed([*places, lr])
    if len(places) != 1:
        raise UserError(f"--lr {lr} goes with one folder of HR photos, not {len(places)}: pack each by itself")
    sides = [
        Side(find_photos(folder, option=option), option) for folder, option in ((places[0], "SRC"), (lr, "--lr"))
    ]
    refuse_overlap((side.option, side.table.root) for side in sides)
    hr_side, lr_side = sides
    upscale = _upscale_of(lr_side, hr_side)
    matched_lr, matched_hr, without_partner = match(lr_side, hr_side, upscale=upscale)
    for line in without_partner:
        log.warning("%s", line)
    return PairedPhotos(matched_lr, matched_hr, upscale=upscale)


def refuse_output_in_input(output: Path, inputs: Sequence[Path]) -> None:
    """``UserError`` if the set would lie among the photos: its summary would become one of them."""
    for place in inputs:
        inside, outside = output.resolve(), place.resolve()
        if place.is_dir() and (inside.is_relative_to(outside) or outside.is_relative_to(inside)):
            raise UserError(f"-o {output} and {place} overlap: give a folder beside the photos")


def _refuse_packed(places: Sequence[Path]) -> None:
    if packed := next((place for place in places if is_packed(place)), None):
        raise UserError(f"{packed} is a packed set already: give the photos that it was made of")


def _upscale_of(lr: Side, hr: Side) -> int:
    """How many times larger the first readable HR photo is than its LR photo."""
    wrong: UserError | None = None
    for tried in range(_LARGEST_UPSCALE, 0, -1):  # names may tell it, such as 0001x4
        try:
            some_lr, some_hr, _ = match(lr, hr, upscale=tried)
        except UserError as error:
            wrong = error
            continue
        for small, large in zip(some_lr, some_hr, strict=True):
            try:
                (width, height), (hr_width, hr_height) = read_upright_size(small), read_upright_size(large)
            except UnreadableImageError:
                continue
            upscale = hr_width // width
            if (width * upscale, height * upscale) == (hr_width, hr_height) and upscale:
                return upscale
        raise UserError(f"no pair of {hr} and {lr} is a whole number of times larger than its LR photo")
    assert wrong is not None
    raise wrong
