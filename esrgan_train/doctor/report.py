"""The findings as lines on the console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import rich
from rich.text import Text

from esrgan_train.cli import DONE, FAILED, WRONG_INPUT
from esrgan_train.doctor.finding import Finding, Status
from esrgan_train.logs import show

MOST_DETAILS = 10

_SIGNS: dict[Status, tuple[str, str, str]] = {  # sign, the same in ASCII, style
    "ok": ("✓", "ok", "green"),
    "note": ("!", "!", "yellow"),
    "problem": ("✗", "X", "bold red"),
    "failed": ("?", "?", "bold magenta"),
}
_MARGIN = " " * 15


def print_finding(finding: Finding) -> None:
    """One line: sign, check, what was found; below it what it concerns, and the remedy."""
    ascii_only = rich.get_console().options.ascii_only
    sign, plain, style = _SIGNS[finding.status]
    line = Text.assemble(
        (f"{plain if ascii_only else sign:2}", style), (f"{finding.check:13}", "bold"), finding.what
    )
    show(line, soft_wrap=True)
    for detail in finding.details[:MOST_DETAILS]:
        show(Text(f"{_MARGIN}- {detail}"), soft_wrap=True)
    if (more := len(finding.details) - MOST_DETAILS) > 0:
        show(Text(f"{_MARGIN}- and {more:,} more"), soft_wrap=True)
    if finding.remedy:
        arrow = "->" if ascii_only else "→"
        show(Text.assemble(_MARGIN, (f"{arrow} {finding.remedy}", "cyan")), soft_wrap=True)


def closing_line(findings: Iterable[Finding], seconds: float) -> str:
    """How many problems there are, and how long it took."""
    counts = Counter(finding.status for finding in findings)
    problems = _number(counts["problem"], "problem") if counts["problem"] else "no problem"
    others = [_number(counts["note"], "note")] if counts["note"] else []
    others += [_number(counts["failed"], "check") + " failed"] if counts["failed"] else []
    return f"{', '.join([problems, *others])}, after {seconds:.0f} s"


def exit_status(findings: Iterable[Finding]) -> int:
    """2 for a problem of options or data, else 1 for a check that failed, else 0."""
    kinds = {finding.status for finding in findings}
    return WRONG_INPUT if "problem" in kinds else FAILED if "failed" in kinds else DONE


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
