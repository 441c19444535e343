"""Clips by their names, and FFmpeg's errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from esrgan_train.errors import RunError
from esrgan_train.pyav import av

_SUFFIXES = ".mkv .mp4 .mov .webm .avi .m4v .ts .mts .m2ts .mpg .mpeg .wmv .flv .ogv .vob .3gp .asf .mxf .y4m"
CLIPS = frozenset(_SUFFIXES.split(" "))


def is_clip(path: Path) -> bool:
    """Whether the name is a clip's."""
    return path.suffix.lower() in CLIPS


@contextmanager
def naming_clip(path: Path, doing: str) -> Iterator[None]:
    """Turn FFmpeg's errors into one line that names the file."""
    try:
        yield
    except av().error.FFmpegError as error:
        raise RunError(f"{path}: {doing} failed: {error.strerror}") from error
