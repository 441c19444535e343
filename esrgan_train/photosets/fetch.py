"""The archives of a set: from apt-get or the first server that has the right one."""

from __future__ import annotations

import logging
from pathlib import Path

from esrgan_train.errors import RunError, UserError
from esrgan_train.photosets import apt
from esrgan_train.photosets.catalogue import Archive
from esrgan_train.photosets.checksums import RECORDED, digits_of, record, recorded
from esrgan_train.photosets.progress import showing
from esrgan_train.photosets.resume import forget, receive

log = logging.getLogger(__name__)


def fetch(archive: Archive, folder: Path) -> Path:
    """The archive's file in ``folder``, fetched unless it is there, and compared with its checksum.

    Where none is published, the SHA-256 of the first fetch is written down and later ones are compared with it.
    A file that was put there by hand is taken if it is the right one.

    Raises:
        UserError: the file that is there is another one.
        RunError: no server has it; what came of it stays, and the next call goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / archive.file
    if file.exists():
        if complaint := wrong(file, archive, folder):
            raise UserError(f"{file} {complaint}: delete it, and give the command again")
        return file
    if not _from_apt(archive, file):
        partial = file.with_name(f"{file.name}.partial")
        _from_servers(archive, partial, folder)
        partial.replace(file)
        forget(partial)
    if archive.checksum is None and recorded(folder, archive.file) is None:
        digits = digits_of(file)
        record(folder, archive.file, digits)
        log.warning("%s has no published checksum: SHA-256 %s is kept in %s", file, digits, folder / RECORDED)
    return file


def wrong(file: Path, archive: Archive, folder: Path) -> str | None:
    """What tells the file from the archive that was meant; None if nothing does."""
    if archive.bytes is not None and file.stat().st_size != archive.bytes:
        return f"has {file.stat().st_size:,} bytes instead of {archive.bytes:,}"
    kind, digits = archive.checksum or ("sha256", recorded(folder, archive.file))
    if digits is None:
        return None
    found = digits_of(file, kind)
    return None if found == digits.lower() else f"has the {kind} {found} instead of {digits}"


def _from_apt(archive: Archive, file: Path) -> bool:
    """Whether apt-get brought this very file."""
    brought = file.with_name(f"{file.name}.apt")
    if archive.package is None or not apt.download(archive.package, brought):
        return False
    if complaint := wrong(brought, archive, file.parent):
        log.info("apt-get's %s is another version (it %s)", archive.package, complaint)
        brought.unlink()
        return False
    brought.replace(file)
    return True


def _from_servers(archive: Archive, partial: Path, folder: Path) -> None:
    refusals = []
    for url in archive.urls:
        try:
            _from_server(url, archive, partial, folder)
            return
        except RunError as error:
            refusals.append(str(error))
            log.warning("%s", error)
    raise RunError(f"{archive.file} was not fetched ({'; '.join(refusals)}): the same command goes on")


def _from_server(url: str, archive: Archive, partial: Path, folder: Path) -> None:
    checked = archive.checksum is not None or recorded(folder, archive.file) is not None
    log.info("fetching      %s", url)
    with showing(archive.file, archive.bytes) as show:
        continued = receive(url, partial, checked=checked, show=show, most=archive.bytes)
        complaint = wrong(partial, archive, folder)
        if complaint and continued:  # the beginning was of another file
            forget(partial)
            receive(url, partial, checked=checked, show=show, most=archive.bytes)
            complaint = wrong(partial, archive, folder)
    if complaint:
        forget(partial)
        raise RunError(f"{url} {complaint}")
