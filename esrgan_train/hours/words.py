"""Times in words."""

from __future__ import annotations


def shown_seconds(seconds: float) -> str:
    """Such as 35 ms or 2.1 s."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def shown_duration(seconds: float) -> str:
    """Such as 40 s, 12 min, 5.5 h or 12 days."""
    for unit, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"
