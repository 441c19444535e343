"""Where the enlargement of each photo goes."""

from __future__ import annotations

import glob
import logging
from pathlib import Path

from esrgan_train.errors import UserError
from esrgan_train.file_names import check_file_name
from esrgan_train.images.find import find_photos
from esrgan_train.images.names import clashes, distinct_names

log = logging.getLogger(__name__)


def plan(inputs: list[str], folder: Path, suffix: str, *, keep_suffix: bool = False) -> dict[Path, Path]:
    """Where each of the photos, folders and patterns goes in ``folder``, with a new ``suffix``.

    Folders keep their structure. Photos that differ in their suffixes alone keep them before the new one, with a
    warning; with ``keep_suffix`` all do.

    Raises:
        UserError: an input is missing, a file would be overwritten (an input, or one output by another), or the
            system has no file of such a name.
    """
    found = dict(pair for given in inputs for pair in expand(given))
    sources, relative = list(found), list(found.values())
    names = [path.as_posix() for path in relative] if keep_suffix else distinct_names(relative)
    targets = [folder / f"{name}.{suffix}" for name in names]
    if together := clashes(names):
        pairs = "; ".join(" and ".join(str(sources[n]) for n in group) for group in together)
        raise UserError(
            f"{sum(map(len, together))} photos would be written over each other, at least where capitals do not "
            f"count: {pairs}: give them one by one"
        )
    for target in targets:
        check_file_name("OUT", target)
    taken = {source.resolve() for source in sources}
    if lost := [str(target) for target in targets if target.resolve() in taken]:
        raise UserError(f"{', '.join(lost)} would be overwritten: give another folder with -o")
    for group in () if keep_suffix else clashes([path.with_suffix("").as_posix() for path in relative]):
        of_one_name, written = (", ".join(str(paths[n]) for n in group) for paths in (sources, targets))
        log.warning("%s have one name: they become %s", of_one_name, written)
    return dict(zip(sources, targets, strict=True))


def expand(given: str) -> list[tuple[Path, Path]]:
    """The photos of a file, folder or pattern, in order, each with its place in what is written.

    Raises:
        UserError: there is none.
    """
    path = Path(given)
    if path.is_dir():
        return [(photo, photo.relative_to(path)) for photo in find_photos(path, option="INPUT")]
    if path.is_file():
        return [(path, Path(path.name))]
    found = [Path(name) for name in sorted(glob.glob(given, recursive=True)) if Path(name).is_file()]  # noqa: PTH207
    if not found:
        raise UserError(f"{given} matches no file: give photos, folders or patterns")
    return [(photo, Path(photo.name)) for photo in found]
