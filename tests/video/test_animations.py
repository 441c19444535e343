"""GIF, APNG and animated WebP, in and out, read by Pillow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.video.clips import write_clip
from tests.video.test_clip_runs import times_of

DURATIONS = [40, 120, 80]  # milliseconds
Enlarge = Callable[..., int]


def write_animation(path: Path) -> None:
    """Three pictures of plain colours, of which the left half is transparent."""
    images = []
    for colour in ((200, 40, 40), (40, 200, 40), (40, 40, 200)):
        rgba = np.zeros((12, 16, 4), np.uint8)
        rgba[..., :3] = colour
        rgba[:, 8:, 3] = 255
        images.append(Image.fromarray(rgba))
    kind = {".gif": "GIF", ".webp": "WEBP", ".apng": "PNG"}[path.suffix]
    lossless = {"lossless": True} if kind == "WEBP" else {"disposal": 2} if kind == "GIF" else {}
    images[0].save(
        path, format=kind, save_all=True, append_images=images[1:], duration=DURATIONS, loop=0, **lossless
    )


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_pictures_times_and_transparency_are_kept(tmp_path: Path, enlarge: Enlarge, suffix: str):
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    write_animation(source)
    assert enlarge(source, target) == 0
    with Image.open(source) as one, Image.open(target) as other:
        assert (other.n_frames, other.size) == (3, (32, 24))
        for number, milliseconds in enumerate(DURATIONS):
            one.seek(number)
            other.seek(number)
            enlarged, given = (np.array(image.convert("RGBA")).astype(int) for image in (other, one))
            assert one.info["duration"] == other.info["duration"] == milliseconds
            assert (enlarged[:, :16, 3] == 0).all()
            assert (enlarged[:, 16:, 3] == 255).all()
            expected = given[0, -1]
            assert np.abs(enlarged[:, 16:] - expected).max() <= (3 if suffix == ".gif" else 0)  # of 256 colours


def test_a_clip_becomes_an_animation_with_its_times(tmp_path: Path, enlarge: Enlarge):
    source, target = tmp_path / "in.mkv", tmp_path / "out.webp"
    write_clip(source, times=[0, 70, 100], pixel_format="yuv420p")
    assert enlarge(source, target) == 0
    with Image.open(target) as made:
        found = []
        for frame in ImageSequence.Iterator(made):
            frame.load()
            found.append(frame.info["duration"])
    assert found == [70, 30, 30]  # of the last one the clip says nothing


def test_an_animation_becomes_a_clip_unless_it_is_transparent(tmp_path: Path, enlarge: Enlarge):
    source, target = tmp_path / "in.webp", tmp_path / "out.mkv"
    images = [Image.new("RGB", (16, 12), (value, 90, 20)) for value in (10, 120, 230)]
    images[0].save(source, save_all=True, append_images=images[1:], duration=DURATIONS, lossless=True)
    assert enlarge(source, target) == 0
    assert [round(float(one) * 1000) for one in times_of(target)] == [0, 40, 160]
