"""The pictures of a page: those of a photo in several runs together, as many iterations as there is room for."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from PIL import Image

from esrgan_train.report.folder import RunFolder
from esrgan_train.training.stages import STAGE_NAMES

_FEW = 5  # iterations that every photo keeps before photos are left out


@dataclass(frozen=True, kw_only=True)
class Series:
    """The pictures of a photo that one run made, by iteration."""

    run: str
    switch: int | None
    sr: dict[int, Path]


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A photo, and what each run that was validated with it makes of it."""

    name: str
    still: dict[str, Path]
    series: list[Series] = field(default_factory=list)
    other_lr: list[str] = field(default_factory=list)  # runs that were given another LR


def shared_photos(runs: Sequence[RunFolder]) -> list[Shared]:
    """The photos of all runs; those of the same name and the same HR, or else LR, are one."""
    found: dict[tuple[str, str], Shared] = {}
    for run in runs:
        for photo in run.photos:
            key = photo.name, _digest(photo.still.get("HR", photo.still["LR"]))
            shared = found.setdefault(key, Shared(name=photo.name, still=photo.still))
            shared.series.append(Series(run=run.name, switch=run.switch, sr=photo.sr))
            if _digest(photo.still["LR"]) != _digest(shared.still["LR"]):
                shared.other_lr.append(run.name)
    return list(found.values())


def fitting(photos: Sequence[Shared], room: int) -> tuple[list[Shared], list[str]]:
    """As many photos and iterations as fit into ``room`` bytes of a page, and what is left out, in words.

    Iterations are spread evenly, and the first and the last are among them. First iterations are left out, down to
    five, then photos from the end, then iterations again.
    """
    most = max((len(series.sr) for photo in photos for series in photo.series), default=0)
    for count, iterations in _sizes(len(photos), most):
        kept = [_thinned(photo, iterations) for photo in photos[:count]]
        if sum(map(_bytes, kept)) <= room:
            return kept, _left_out(photos, count, most, iterations)
    return [], _left_out(photos, 0, most, most)


def _sizes(photos: int, iterations: int) -> Iterator[tuple[int, int]]:
    few = min(_FEW, iterations)
    yield from ((photos, count) for count in range(iterations, few, -1))
    yield from ((count, few) for count in range(photos, 1, -1))
    yield from ((1, count) for count in range(few, 0, -1) if photos)


def _left_out(photos: Sequence[Shared], kept: int, iterations: int, shown: int) -> list[str]:
    lines = []
    if kept < len(photos):
        lines.append(f"{len(photos) - kept} of {len(photos)} photos")
    if shown < iterations:
        lines.append(f"of each photo the pictures of {iterations - shown} of {iterations} validations")
    return lines


def _thinned(photo: Shared, most: int) -> Shared:
    series = [Series(run=each.run, switch=each.switch, sr=_spread(each.sr, most)) for each in photo.series]
    return Shared(name=photo.name, still=photo.still, series=series, other_lr=photo.other_lr)


def _spread(sr: dict[int, Path], most: int) -> dict[int, Path]:
    """At most so many, spread evenly; the last is among them."""
    steps, count = sorted(sr), min(most, len(sr))
    kept = {steps[-1 - round(n * (len(steps) - 1) / max(1, count - 1))] for n in range(count)}
    return {step: sr[step] for step in sorted(kept)}


def _bytes(photo: Shared) -> int:
    files = [*photo.still.values(), *(path for series in photo.series for path in series.sr.values())]
    # Base64, what surrounds it, and the name, each letter of which may be an escape.
    return 6 * len(photo.name) + sum(path.stat().st_size * 4 // 3 + 100 for path in files)


def drawn(photo: Shared, *, several: bool) -> dict[str, Any]:
    """The photo for the page's script: its size, and the address of each picture, which holds its content."""
    with Image.open(photo.still["bicubic"]) as picture:
        width, height = picture.size
    return {
        "name": photo.name,
        "width": width,
        "height": height,
        "still": {label: data_url(path) for label, path in photo.still.items()},
        "otherLr": photo.other_lr,
        "series": [
            {
                "label": f"SR of {series.run}" if several else "SR",
                "steps": list(series.sr),
                "texts": [iteration_text(step, None if several else series.switch) for step in series.sr],
                "pictures": [data_url(path) for path in series.sr.values()],
            }
            for series in photo.series
        ],
    }


def iteration_text(step: int, switch: int | None) -> str:
    """What an iteration is called; with its stage, if ``switch`` says where the second starts."""
    if not step:
        return "before training"
    return f"iteration {step:,}" + (
        "" if switch is None else f", {STAGE_NAMES['gan' if step > switch else 'pixel']}"
    )


def data_url(path: Path) -> str:
    """The content of a WebP file as an address."""
    return f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _digest(path: Path) -> str:
    return blake2b(path.read_bytes()).hexdigest()
