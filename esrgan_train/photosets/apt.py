"""A Debian package by apt-get, which knows this machine's mirror and proxy."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

_SECONDS = 600


def download(package: str, target: Path) -> bool:
    """Put the ``.deb`` that apt-get would install at ``target``; whether there was one. Nothing is installed."""
    program = shutil.which("apt-get")
    if program is None:
        return False
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        words = [program, "download", package]
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            log.info("apt-get download %s: %s", package, error)
            return False
        found = sorted(Path(folder).glob("*.deb"))
        if done.returncode or not found:
            reason = next(
                (line for line in done.stderr.splitlines() if line.startswith("E:")), "it brought nothing"
            )
            log.info("apt-get download %s: %s", package, reason)
            return False
        found[0].replace(target)
    return True
