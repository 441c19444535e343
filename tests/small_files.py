"""Limits to the size of files and of a file system, which make real writes fail without a full disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent

resource = pytest.importorskip("resource", reason="no limits to the size of files here")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let every write past ``size`` bytes fail with ``OSError`` (EFBIG: "File too large")."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    test = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


def on_a_small_file_system(folder: Path, size: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run ``command`` in ``folder``, in which ``small`` is a file system of ``size``."""
    (folder / "small").mkdir()
    mounted = f'mount -t tmpfs -o size={size} tmpfs small && "$@"'
    return subprocess.run(
        ["unshare", "-m", "bash", "-c", mounted, "bash", sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1", "WANDB_MODE": "offline"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
