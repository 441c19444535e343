"""Which paths Windows takes for files: asked before anything is written there, and known of on every system."""

from __future__ import annotations

import errno
import sys
from pathlib import PurePath, PureWindowsPath

from esrgan_train.errors import UserError

_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in "123456789¹²³"
}
_SIGNS = '<>:"|?*'
_LONGEST = 260  # characters of a path, unless Windows is set to take longer ones
_FILENAME_TOO_LONG, _PATH_NOT_FOUND = 206, 3  # of Windows' own errors


def refused_by_windows(path: str | PurePath) -> str | None:
    """Why Windows has no such file, naming the part that is wrong; None if it may have.

    Source: Microsoft, "Naming Files, Paths, and Namespaces".
    """
    whole = PureWindowsPath(path)
    if whole.drive and not whole.root:
        return f"{whole.drive} is a drive without a folder"
    for part in whole.parts[bool(whole.anchor) :]:
        if part == "..":
            continue
        if wrong := [sign for sign in part if sign in _SIGNS or ord(sign) < 32]:
            return f"{part} contains {wrong[0]!r}"
        if part.partition(".")[0].rstrip(" ").casefold() in _DEVICES:
            return f"{part} is the name of a device"
        if part[-1] in ". ":
            return f"{part!r} ends in a {'dot' if part[-1] == '.' else 'space'}, which would be dropped"
    return None


def check_file_name(option: str, path: str | PurePath) -> None:
    """Refuse what this system, if it is Windows, has no file for.

    Raises:
        UserError: naming the option, or whatever gave the name, and the part that is wrong.
    """
    if sys.platform == "win32" and (why := refused_by_windows(path)) is not None:
        raise UserError(f"{option}={path}: Windows takes no such name ({why}): give another")


def too_long(error: OSError, path: str | PurePath) -> UserError | None:
    """The one line for a path that is longer than the system takes; None for another failure.

    Windows may say no more than that there is no such path.
    """
    code = getattr(error, "winerror", None)
    of_windows = code == _FILENAME_TOO_LONG or (code == _PATH_NOT_FOUND and len(str(path)) >= _LONGEST)
    if error.errno != errno.ENAMETOOLONG and not of_windows:
        return None
    remedy = "give a folder with a shorter path"
    if sys.platform == "win32":
        remedy += ", or let Windows take long ones (LongPathsEnabled in its registry)"
    return UserError(f"{path} has {len(str(path))} characters, more than this system takes: {remedy}")
