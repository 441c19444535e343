"""From scores to complaints, by thresholds that were measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from esrgan_train.screening.duplicates import Match
from esrgan_train.screening.fingerprint import BITS
from esrgan_train.screening.scores import Scores


@dataclass(frozen=True)
class Thresholds:
    """Limits; a photo beyond one of them is reported. ``python -m tests.screening_thresholds`` measures them."""

    blur: float = 3.3
    jpeg_quality: int = 75
    blockiness: float = 0.45
    detail: float = 0.02


class Complaint(NamedTuple):
    """Why a photo is reported: the score that is beyond its limit, and a line to read."""

    kind: Literal["blurred", "compressed", "duplicate", "flat"]
    score: float
    reason: str


_DEFAULTS = Thresholds()


def complaints(scores: Scores, thresholds: Thresholds = _DEFAULTS) -> list[Complaint]:
    """What is wrong with a photo on its own, the worst first; one complaint of each kind."""
    found = []
    if scores.detail < thresholds.detail:
        reason = f"flat: {scores.detail:.1%} has detail (limit {thresholds.detail:.0%})"
        found.append(Complaint("flat", scores.detail, reason))
    if scores.blur > thresholds.blur:  # not for NaN
        reason = f"blurred: edges {scores.blur:.1f} px wide (limit {thresholds.blur})"
        found.append(Complaint("blurred", scores.blur, reason))
    return found + _compressed(scores, thresholds)


def _compressed(scores: Scores, thresholds: Thresholds) -> list[Complaint]:
    if scores.jpeg_quality is not None and scores.jpeg_quality <= thresholds.jpeg_quality:
        reason = f"compressed: JPEG {scores.jpeg_quality} (limit {thresholds.jpeg_quality})"
        return [Complaint("compressed", scores.jpeg_quality, reason)]
    if scores.blockiness >= thresholds.blockiness:
        quality = _quality(scores.blockiness)
        reason = f"compressed: once JPEG of about {quality} (limit {_quality(thresholds.blockiness)})"
        return [Complaint("compressed", scores.blockiness, reason)]
    return []


def _quality(step: float) -> int:
    """libjpeg's quality whose steps are ``step`` times those of quality 50."""
    return round(100 - 50 * step if step < 1 else 50 / step)


def duplicate(match: Match, earlier: str) -> Complaint:
    """The complaint of a picture that resembles the one called ``earlier``."""
    return Complaint("duplicate", match.bits, f"duplicate: like {earlier} ({match.bits} of {BITS} bits differ)")
