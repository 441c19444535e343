"""Photos that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from esrgan_train.doctor.examination import Examination, Examined
from esrgan_train.doctor.finding import Finding


def photos_check(examination: Examination, *, max_bad_fraction: float) -> Iterator[Finding]:
    """Whether the photos can be decoded; a problem only where training would stop for it."""
    for kind in examination.training.kinds:
        yield _of("photos", "training", kind, max_bad_fraction)
    for kind in examination.validation.kinds:
        yield _of("held out", "held-out", kind, max_bad_fraction)


def _of(check: str, kind: str, examined: Examined, limit: float) -> Finding:
    bad, count = examined.bad, len(examined.photos)
    decoded = f"{examined.coverage} {kind} {'pairs' if examined.source.paired else 'photos'} decoded"
    if not bad:
        return Finding(check, "ok", f"{decoded}, all can be read")
    share = len(bad) / count
    what = f"{decoded}: {len(bad)} ({share:.1%}) cannot be used"
    details = tuple(seen.reason for seen in bad)
    if len(bad) < count and share <= limit:
        what += f"; training goes on without them, up to data.max_bad_fraction={limit:g}"
        return Finding(check, "note", what, "replace or remove these files", details)
    what += f"; data.max_bad_fraction={limit:g} would end the run"
    remedy = "replace or remove these files"
    if len(bad) < count:
        remedy += f", or give data.max_bad_fraction={_rounded_up(share):g}"
    return Finding(check, "problem", what, remedy, details)


def _rounded_up(share: float) -> float:
    """To whole hundredths."""
    return -(-share * 100 // 1) / 100
