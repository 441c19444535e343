"""The memory of this process, and how much more the system has for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_CGROUP, _CGROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def has_peak_memory() -> bool:
    """Whether this system reports a process's peak memory, and lets it be reset."""
    return _STATUS.is_file() and _FORGET.exists()


def held_memory() -> int:
    """Bytes that this process holds now."""
    return _status("VmRSS")


def peak_memory() -> int:
    """Bytes: the most that this process has held since ``forget_peak``."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Reset ``peak_memory`` to what is held now."""
    _FORGET.write_text("5", encoding="utf-8")


def available_memory() -> int | None:
    """Bytes that this process can still take: what the system has, and its control groups allow.

    None where the system does not say.
    """
    return min((*_of_system(), *_of_groups()), default=None)


def _of_system() -> Iterator[int]:
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        lines = dict(
            line.split(":", 1) for line in meminfo.read_text(encoding="utf-8").splitlines() if ":" in line
        )
        if "MemAvailable" in lines:
            yield int(lines["MemAvailable"].split()[0]) * 1024
            return
    try:
        yield os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows has no sysconf, macOS not this name
        return


def _of_groups() -> Iterator[int]:
    """The room in each control group, version 2 or 1, from this process's own up to the root."""
    for folder, limit_name, used_name in _groups():
        limit, used = (_number(folder / name) for name in (limit_name, used_name))
        if limit is not None and used is not None:
            yield max(0, limit - used + (_inactive_file(folder) or 0))


def _groups() -> Iterator[tuple[Path, str, str]]:
    if not _CGROUP.is_file():
        return
    for line in _CGROUP.read_text(encoding="utf-8").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, names = _CGROUPS, ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            root, names = _CGROUPS / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        own = root / path.lstrip("/")
        yield from ((place, *names) for place in (own, *own.parents) if place == root or root in place.parents)


def _number(file: Path) -> int | None:
    """The number in a file; None if there is no file, or it says ``max``."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _inactive_file(folder: Path) -> int | None:
    """Bytes of the group's page cache that the system would drop first."""
    try:
        lines = dict(
            line.split(" ", 1) for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines()
        )
    except OSError:
        return None
    return int(lines.get("inactive_file", 0))


def _status(key: str) -> int:
    lines = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="utf-8").splitlines() if ":" in line)
    return int(lines[key].split()[0]) * 1024
