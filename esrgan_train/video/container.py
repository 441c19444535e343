"""What a container takes of the streams of another: found by trying, since FFmpeg knows it only then."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from esrgan_train.pyav import av

_WITH_ATTACHMENTS = frozenset({"matroska"})  # others write them as streams that nobody reads


def holds(name: str, streams: list[Any]) -> bool:
    """Whether a file of that name takes copies of all these streams together."""
    try:
        with (
            TemporaryDirectory() as folder,
            av().open(str(Path(folder) / f"tried{Path(name).suffix}"), "w") as tried,
        ):
            if any(stream.type == "attachment" for stream in streams):
                if tried.format.name not in _WITH_ATTACHMENTS:
                    return False
                if len(streams) == 1:
                    return True  # a file of attachments alone would be none
            for stream in streams:
                tried.add_stream_from_template(stream)
            tried.start_encoding()
    except (ValueError, NotImplementedError, av().error.FFmpegError):
        return False
    return True


def held(name: str, streams: list[Any]) -> list[Any]:
    """Those of the streams that a file of that name takes, each tried beside those before it."""
    taken: list[Any] = []
    for stream in streams:
        if holds(name, [*taken, stream]):
            taken.append(stream)
    return taken
