"""Command lines that are printed to be pasted into the shell that started this process."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE


def command(module: str, *arguments: object) -> str:
    """The quoted line that starts ``module`` with this interpreter and these networks, in the current folder."""
    archs = os.environ.get(ENVIRONMENT_VARIABLE)
    setting = f"{ENVIRONMENT_VARIABLE}={shlex.quote(archs)} " if archs else ""
    return setting + shlex.join([interpreter(), "-m", module, *map(str, arguments)])


def interpreter() -> str:
    """``python`` if a shell finds this environment's by that name, else the path to it."""
    this, found = Path(sys.executable), shutil.which("python")
    if found is not None and Path(found).parent.samefile(this.parent) and Path(found).samefile(this):
        return "python"
    return str(this.relative_to(Path.cwd()) if this.is_relative_to(Path.cwd()) else this)
