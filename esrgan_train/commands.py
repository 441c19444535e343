"""Command lines that are printed to be pasted into the shell that started this process."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE
from esrgan_train.launchers import started_by_launcher

SCRIPT = "esrgan-train"
_started_by_script = False


def start_by_script() -> None:
    """Remember that the console script started this process: help and printed commands then name it."""
    global _started_by_script
    _started_by_script = True


def program(module: str) -> str:
    """How the user starts ``module``, as usage lines say it."""
    return " ".join(_by_script(module)) if _started_by_script else f"python -m {module}"


def command(module: str, *arguments: object, processes: bool = False) -> str:
    """The quoted line that starts ``module`` with this interpreter and these networks, in the current folder.

    Args:
        module: its dotted name.
        *arguments: its words.
        processes: whether as many are started again as torchrun or SLURM has started now.
    """
    python = started_by_launcher(interpreter()) if processes else None
    by_script = python is None and _started_by_script and _is_beside(shutil.which(SCRIPT))
    start = _by_script(module) if by_script else [*(python or [interpreter()]), "-m", module]
    words = " ".join(map(shell_word, [*start, *map(str, arguments)]))
    if _in_windows():  # its shells set no variable for one line: it is set in the shell itself
        return words
    archs = os.environ.get(ENVIRONMENT_VARIABLE)
    return f"{ENVIRONMENT_VARIABLE}={shlex.quote(archs)} {words}" if archs else words


def shell_word(text: str) -> str:
    """The text as one word of a shell of this system; cmd and PowerShell share double quotes alone."""
    if not _in_windows():
        return shlex.quote(text)
    if re.fullmatch(r"[\w./\\:=+~-]+", text):
        return text
    # Programs read \" as a quote there, and backslashes before a quote in pairs.
    escaped = re.sub(r'(\\*)("|\Z)', lambda m: m[1] * 2 + (r"\"" if m[2] else ""), text)
    return f'"{escaped}"'


def interpreter() -> str:
    """``python`` if a shell finds this environment's by that name, else the path to it."""
    this, found = Path(sys.executable), shutil.which("python")
    if found is not None and Path(found).parent.samefile(this.parent) and Path(found).samefile(this):
        return "python"
    return str(this.relative_to(Path.cwd()) if this.is_relative_to(Path.cwd()) else this)


def _by_script(module: str) -> list[str]:
    name = module.partition(".")[2].replace("_", "-")
    return [SCRIPT, name] if name else [SCRIPT]


def _is_beside(script: str | None) -> bool:
    """Whether a shell finds the script of this environment."""
    return script is not None and Path(script).parent.samefile(Path(sys.executable).parent)


def _in_windows() -> bool:
    return sys.platform == "win32"
