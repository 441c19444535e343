"""Text in pictures: one font for most alphabets, and escapes for the characters it lacks."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from PIL import ImageFont


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, ``size`` pixels high."""
    return ImageFont.truetype(_file(), size)


def legible(text: str) -> str:
    r"""``text`` with each character that the font cannot draw as its escape, such as ``\u5199`` or ``\xe9``.

    These are letters of other alphabets, invisible characters, and bytes of a file name that are not UTF-8.
    """
    return "".join(map(_drawable, unicodedata.normalize("NFC", text)))  # macOS stores ü as u and two dots


def _drawable(character: str) -> str:
    if character.isprintable() and ord(character) in _letters():
        return character
    if "\udc80" <= character <= "\udcff":  # how Python holds such a byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_file()).get_charmap())


@cache
def _file() -> str:
    import matplotlib  # ships the font; imported here since it is slow and few commands draw

    return str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf")
