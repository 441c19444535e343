"""Moving pictures opened to be looked at: shots, upright, without sound, from a clip, an animation or pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

from esrgan_train.images.decode import read_upright_size
from esrgan_train.inference.targets import expand
from esrgan_train.video.clip import Clip
from esrgan_train.video.ffmpeg import is_clip
from esrgan_train.video.frames import animated, count_of, is_animation, numbered
from esrgan_train.video.shot import Shot

_UPRIGHT = 180  # degrees after which width and height are those stored


@dataclass(frozen=True)
class Reel:
    """What is looked at, once.

    Attributes:
        path: of the file or folder.
        shots: in order.
        size: width and height, upright.
        count: how many shots, as far as that is known.
        unit: of their times in seconds; None where they have none of their own.
        rate: frames per second, on average; None where there are no times.
        colours: of a clip, in words; None for pictures, which are RGB.
    """

    path: Path
    shots: Iterator[Shot]
    size: tuple[int, int]
    count: int | None
    unit: Fraction | None = None
    rate: Fraction | None = None
    colours: str | None = None


def is_reel(path: Path) -> bool:
    """Whether a file holds moving pictures; a folder of pictures does not say."""
    return is_clip(path) or is_animation(path)


@contextmanager
def opened_reel(path: Path) -> Iterator[Reel]:
    """Open a clip, an animation, or a folder of pictures, which follow each other by their names.

    Animations round their times, and pictures have none: both are taken in order.

    Raises:
        UserError: it cannot be read, or holds no picture.
    """
    if is_clip(path):
        with Clip(path) as clip:
            size = (clip.width, clip.height) if clip.rotation % _UPRIGHT == 0 else (clip.height, clip.width)
            unit, colours = Fraction(clip.video.time_base), clip.colours.in_words(clip.height)
            yield Reel(path, clip.upright(), size, clip.frames, unit, clip.rate, colours)
    elif is_animation(path):
        with Image.open(path) as image:
            size = image.size
        yield Reel(path, animated(path), size, count_of(path))
    else:
        photos = [photo for photo, _ in expand(str(path))]
        yield Reel(path, numbered(photos, Fraction(1)), read_upright_size(photos[0]), len(photos))
