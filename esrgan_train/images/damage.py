"""What the picture libraries raise on files that are damaged."""

from __future__ import annotations

import struct
import zlib

DAMAGE = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RuntimeError,  # imagecodecs, libheif
    MemoryError,
    struct.error,
    zlib.error,
)
