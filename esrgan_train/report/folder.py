"""A run folder as its page shows it; what is not there yet is empty."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from esrgan_train.callbacks.crops import FOLDER as CROPS
from esrgan_train.callbacks.crops import NOTE
from esrgan_train.callbacks.pairs import FOLDER as PAIRS
from esrgan_train.checks.terms import has_gan_stage
from esrgan_train.compare.runs import short_names
from esrgan_train.errors import UserError
from esrgan_train.loggers.metrics_csv import FILE_NAME, Row, read_rows
from esrgan_train.moved import read_config
from esrgan_train.origin import ORIGIN

_TOLD = re.compile(r"(\S+ \S+),\d+ (?:(WARNING|ERROR) \S+|INFO esrgan_train\.ending): (.*)")
_MOST_MESSAGES = 100


@dataclass(frozen=True, kw_only=True)
class Photo:
    """What a run keeps of a photo that its previews show."""

    name: str
    number: int  # in the order of the previews
    upscale: int
    still: dict[str, Path]  # LR, bicubic and, if there is one, HR
    sr: dict[int, Path]  # by iteration


@dataclass(kw_only=True)
class RunFolder:
    """What a run has written so far."""

    path: Path
    name: str  # the shortest that no other run of the page has
    config: DictConfig
    rows: list[Row]  # of metrics.csv
    summary: dict[str, Any]
    origin: dict[str, Any]
    messages: list[tuple[str, str, str]]  # time, WARNING or ERROR or nothing, and text, of train.log
    photos: list[Photo]
    pairs: list[tuple[Path, Path]]  # LR and HR crops it was trained on

    @property
    def switch(self) -> int | None:
        """The iteration after which the GAN stage starts, if the run has reached it."""
        if not has_gan_stage(self.config):
            return None
        switch = int(self.config.loss.adversarial.start_step)
        return switch if 0 < switch <= self.iterations else None

    @property
    def iterations(self) -> int:
        """How many are done, as far as the folder says."""
        return max([int(row["step"]) for row in self.rows] + [int(self.summary.get("iterations", 0))])

    @property
    def is_empty(self) -> bool:
        """Whether there is no figure and no picture."""
        return not self.rows and not self.photos


def read_folders(paths: Sequence[Path]) -> list[RunFolder]:
    """Read run folders.

    Raises:
        UserError: a file cannot be read.
    """
    return [_read(path, name) for path, name in zip(paths, short_names(paths), strict=True)]


def _read(path: Path, name: str) -> RunFolder:
    try:
        return RunFolder(
            path=path,
            name=name,
            config=read_config(path / "config.yaml"),
            rows=_checked(read_rows(path / FILE_NAME)),
            summary=_json(path / "summary.json"),
            origin=_json(path / ORIGIN),
            messages=_messages(path / "train.log"),
            photos=_photos(path / CROPS),
            pairs=[(lr, lr.with_name(lr.name.replace("_lr", "_hr"))) for lr in _sorted(path / PAIRS, "*_lr.webp")],
        )
    except Exception as error:  # a broken file can fail in any parser
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UserError(f"{path} cannot be shown: {reason}; fix or remove that file") from error


def _checked(rows: list[Row]) -> list[Row]:
    for row in rows:
        int(row["step"])
        [float(value) for value in row.values() if value]
    return rows


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def _messages(path: Path) -> list[tuple[str, str, str]]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = (match for line in lines if (match := _TOLD.fullmatch(line)))
    return [(match[1], match[2] or "", match[3]) for match in found][-_MOST_MESSAGES:]


def _photos(folder: Path) -> list[Photo]:
    found = [_photo(note.parent) for note in folder.glob(f"*/{NOTE}")]
    return sorted((photo for photo in found if photo.sr), key=lambda photo: (photo.number, photo.name))


def _photo(folder: Path) -> Photo:
    note = _json(folder / NOTE)
    still = {label: folder / f"{label.lower()}.webp" for label in ("LR", "bicubic", "HR")}
    return Photo(
        name=str(note["name"]),
        number=int(note["number"]),
        upscale=int(note["upscale"]),
        still={label: path for label, path in still.items() if path.exists()},
        sr={int(path.stem.removeprefix("sr_")): path for path in _sorted(folder, "sr_*.webp")},
    )


def _sorted(folder: Path, pattern: str) -> list[Path]:
    return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))
