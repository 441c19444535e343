"""Letters in pictures: one font for most alphabets, and escapes for what it lacks."""

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

    Escaped are signs of alphabets that the font lacks, those that are not to be seen, and bytes of a name that
    are no UTF-8.
    """
    letters = _letters()
    return "".join(
        sign if sign.isprintable() and ord(sign) in letters else _escaped(sign)
        for sign in unicodedata.normalize("NFC", text)  # macOS stores ü as u and two dots
    )


def _escaped(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # how Python holds such a byte
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode()


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(_file()).get_charmap())


@cache
def _file() -> str:
    import matplotlib  # here, since few commands draw and it is slow to come; it ships the font

    return str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf")
