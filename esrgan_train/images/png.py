"""The chunks of a PNG file."""

from __future__ import annotations

from collections.abc import Iterator

_SIGNATURE_BYTES = 8
_OF_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TEXTS_OF_ORIENTATION = (b"Raw profile type", b"XML:com.adobe.xmp")  # which Pillow knows how to read


def chunks(stored: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk, to the last; of a file that is cut off the end may lie beyond it."""
    place = _SIGNATURE_BYTES
    while place + 12 <= len(stored):  # length (4), name (4), content, checksum (4)
        end = place + 12 + int.from_bytes(stored[place : place + 4], "big")
        kind = stored[place + 4 : place + 8]
        yield kind, place, end
        if kind == b"IEND":
            return
        place = end


def says_how_to_turn(stored: bytes, kind: bytes, start: int) -> bool:
    """Whether the chunk at ``start`` may hold an orientation."""
    return kind == b"eXIf" or (kind in TEXTS and stored.startswith(_TEXTS_OF_ORIENTATION, start + 8))


def pixels_alone(stored: bytes) -> bytes:
    """The file without the chunks that change no pixel: libpng prints what it dislikes of them."""
    all_chunks = list(chunks(stored))
    if all(kind in _OF_PIXELS for kind, _, _ in all_chunks):
        return stored
    content = memoryview(stored)
    kept = [content[start:end] for kind, start, end in all_chunks if kind in _OF_PIXELS]
    return b"".join([content[:_SIGNATURE_BYTES], *kept])
