"""A sheet of pictures with a label above each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, zip_longest

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from esrgan_train.images.lettering import font, legible

Tile = tuple[str, NDArray[np.uint8]]

_PAPER, _INK, _FAINT = (250, 250, 248), (30, 30, 30), (214, 214, 210)
_MARGIN, _GAP = 24, 16  # around the sheet; between tiles
_LABEL_SIZE, _TITLE_SIZE = 15, 22  # font sizes in pixels
_LABEL_HEIGHT, _TITLE_HEIGHT = 24, 44  # of the lines that hold them
_NARROWEST = 120  # of columns, so that labels have some room


def labelled_sheet(
    rows: Sequence[Sequence[Tile]], *, title: str | None = None, label_lines: int = 1
) -> NDArray[np.uint8]:
    """Lay out rows of (label, picture) as one picture, under ``title``.

    Columns are as wide as their widest tile, and at least 120 pixels; rows are as high as their highest tile.
    Smaller tiles stand at the top left of their cell. Labels that do not fit into ``label_lines`` lose their
    middle. Rows may differ in length. Pictures and result are (H, W, 3) RGB uint8, of any size; without any it is
    a ``ValueError``.
    """
    rows = [row for row in rows if row]
    if not rows:
        raise ValueError("a sheet needs at least one picture")
    widths = [max(_NARROWEST, *(tile[1].shape[1] for tile in column if tile)) for column in zip_longest(*rows)]
    heights = [label_lines * _LABEL_HEIGHT + max(picture.shape[0] for _, picture in row) for row in rows]
    lefts = accumulate([_MARGIN] + [width + _GAP for width in widths])
    tops = accumulate([_MARGIN + (_TITLE_HEIGHT if title else 0)] + [height + _GAP for height in heights])
    (*columns, right), (*lines, bottom) = lefts, tops
    sheet = Image.new("RGB", (right - _GAP + _MARGIN, bottom - _GAP + _MARGIN), _PAPER)
    pen = ImageDraw.Draw(sheet)
    if title:
        line = shorten(title, font(_TITLE_SIZE), sheet.width - 2 * _MARGIN)
        pen.text((_MARGIN, _MARGIN - 4), line, fill=_INK, font=font(_TITLE_SIZE))
    for row, top in zip(rows, lines, strict=True):
        for tile, left, width in zip(row, columns, widths, strict=False):
            _draw(tile, sheet, pen, (left, top), (width, label_lines))
    return np.array(sheet, dtype=np.uint8)


def pictures_of(sheet: NDArray[np.uint8]) -> list[list[NDArray[np.uint8]]]:
    """The rows of pictures that ``labelled_sheet`` laid out, found by the frame that it draws around each."""
    frames = (sheet == _FAINT).all(axis=-1)  # (H, W)
    rows = []
    for top, _ in _runs(frames[:, _MARGIN - 1]):  # every row begins at the left margin
        row = []
        for left, right in _runs(frames[top]):
            bottom = top + _runs(frames[top:, left])[0][1]
            row.append(sheet[top + 1 : bottom - 1, left + 1 : right - 1])
        rows.append(row)
    return rows


def _runs(line: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and end of each stretch of true values."""
    edges = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def stacked(sheets: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Sheets, (H, W, 3) uint8 of any width, one below the other."""
    width = max(sheet.shape[1] for sheet in sheets)
    page = Image.new("RGB", (width, sum(len(sheet) for sheet in sheets)), _PAPER)
    for sheet, bottom in zip(sheets, accumulate(map(len, sheets)), strict=True):
        page.paste(Image.fromarray(sheet), (0, bottom - len(sheet)))
    return np.array(page, dtype=np.uint8)


def _draw(
    tile: Tile, sheet: Image.Image, pen: ImageDraw.ImageDraw, place: tuple[int, int], room: tuple[int, int]
) -> None:
    (label, picture), (left, top), (width, lines) = tile, place, room
    for line in in_lines(label, font(_LABEL_SIZE), width, lines):
        pen.text((left, top), line, fill=_INK, font=font(_LABEL_SIZE))
        top += _LABEL_HEIGHT
    top = place[1] + lines * _LABEL_HEIGHT
    sheet.paste(Image.fromarray(picture), (left, top))
    pen.rectangle((left - 1, top - 1, left + picture.shape[1], top + picture.shape[0]), outline=_FAINT)


def in_lines(text: str, font: ImageFont.FreeTypeFont, width: int, most: int) -> list[str]:
    """``text`` broken between words into at most so many lines of ``width`` pixels; the last may be shortened."""
    lines: list[str] = []
    words = text.split(" ")
    while len(lines) < most - 1 and font.getlength(legible(" ".join(words))) > width:
        fitting = (n for n in range(len(words), 0, -1) if font.getlength(legible(" ".join(words[:n]))) <= width)
        count = next(fitting, 1)
        lines.append(shorten(" ".join(words[:count]), font, width))
        words = words[count:]
    return [*lines, shorten(" ".join(words), font, width)]


def shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """``text`` as it can be drawn, its middle replaced by … as far as needed to fit into ``width`` pixels."""
    text = legible(text)
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        candidate = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if font.getlength(candidate) <= width:
            return candidate
    return "…"
