"""From scores to complaints, by thresholds that were measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from esrgan_train.screening.duplicates import Match
from esrgan_train.screening.fingerprint import BITS
from esrgan_train.screening.scores import Scores


@dataclass(frozen=True)
class Thresholds:
    """Limits; a photo beyond one of them is reported.

    The figures are those of ``python -m tests.screening_thresholds``, which measures them on scikit-image's photos
    and on folders: here 67 photos, with 53 from Debian's packages of wallpapers, puzzles and OpenCV's examples.
    """

    blur: float = 3.3
    """Widest edges in pixels. Beyond are 1 of 67 good photos, 3 of them as JPEG 50, and none of 17 drawings; 20
    after a Gauss of σ 1, 60 of σ 1.5, all of σ 2; 65 enlarged 4 times, but 14 enlarged twice; 39 moved by 7
    pixels, 50 by 15. Of those blurred with σ 2, noise of σ 3 hides 17."""

    jpeg_quality: int = 75
    """Best quality of a JPEG file that is reported; the default of many programs."""

    blockiness: float = 0.45
    """Smallest step that is reported, that of quality 77. Of 47 photos without a trace, all are beyond as JPEG 75,
    cut or not, and as JPEG 50 saved again at 95; 46 as JPEG 30 or 60; 45 as JPEG 75 with noise of σ 2. None is
    as it is or as JPEG 80 or better, nor is any of 14 patterns of 8 pixels. Not found: photos scaled afterwards,
    or cut and saved again as a better JPEG; WebP; AVIF, except 18 of 47."""

    detail: float = 0.02
    """Smallest share of detail. Of 3,373 tiles, those below were looked at: sky, background out of focus, plain
    colour. So is plain gray with noise of σ 5, and 1 of 67 photos, a lake in fog."""


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
