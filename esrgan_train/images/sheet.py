"""A sheet of pictures with a label above each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from esrgan_train.images.lettering import font, legible

Tile = tuple[str, NDArray[np.uint8]]

_PAPER, _INK, _FAINT = (250, 250, 248), (30, 30, 30), (214, 214, 210)
_MARGIN, _GAP = 24, 16  # around the sheet; between tiles
_LABEL_SIZE, _TITLE_SIZE = 15, 22  # font sizes in pixels
_LABEL_HEIGHT, _TITLE_HEIGHT = 24, 44  # of the lines that hold them


def labelled_sheet(rows: Sequence[Sequence[Tile]], *, title: str | None = None) -> NDArray[np.uint8]:
    """Lay out rows of (label, picture) as one picture.

    Columns are as wide as their widest tile or 120 pixels, rows as high as their highest tile; smaller
    tiles stand at the top left of their cell. Labels that do not fit lose their middle; what the font lacks is
    written as an escape. Rows may differ in length.

    Args:
        rows: pictures are (H, W, 3) RGB uint8 of any size.
        title: a line above everything.

    Returns:
        (H, W, 3) RGB uint8.

    Raises:
        ValueError: no tile at all, or one of another shape or number type.
    """
    tiles = [tile for row in rows for tile in row]
    if not tiles:
        raise ValueError("a sheet needs at least one picture")
    for label, picture in tiles:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"{label}: {picture.dtype} {picture.shape}; pass (H, W, 3) uint8")

    columns = max(len(row) for row in rows)
    widths = [max([120, *(row[c][1].shape[1] for row in rows if c < len(row))]) for c in range(columns)]
    heights = [_LABEL_HEIGHT + max(picture.shape[0] for _, picture in row) for row in rows if row]
    top = _MARGIN + (_TITLE_HEIGHT if title else 0)
    width = 2 * _MARGIN + sum(widths) + _GAP * (columns - 1)
    height = top + sum(heights) + _GAP * (len(heights) - 1) + _MARGIN

    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    label_font, title_font = font(_LABEL_SIZE), font(_TITLE_SIZE)
    if title:
        line = shorten(title, title_font, width - 2 * _MARGIN)
        pen.text((_MARGIN, _MARGIN - 4), line, fill=_INK, font=title_font)
    y = top
    for row, row_height in zip((row for row in rows if row), heights, strict=True):
        x = _MARGIN
        for (label, picture), column_width in zip(row, widths, strict=False):
            line = shorten(label, label_font, column_width)
            pen.text((x, y), line, fill=_INK, font=label_font)
            sheet.paste(Image.fromarray(picture), (x, y + _LABEL_HEIGHT))
            right, bottom = x + picture.shape[1], y + _LABEL_HEIGHT + picture.shape[0]
            pen.rectangle((x - 1, y + _LABEL_HEIGHT - 1, right, bottom), outline=_FAINT)
            x += column_width + _GAP
        y += row_height + _GAP
    return np.array(sheet, dtype=np.uint8)


def shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """``text`` as it can be drawn, with as much of its middle replaced by … as it takes to fit into ``width``."""
    text = legible(text)
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        candidate = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if font.getlength(candidate) <= width:
            return candidate
    return "…"
