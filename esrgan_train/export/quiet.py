"""Keeps the chatter of exporters off the screen, unless it is needed."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class ChatterError(Exception):
    """An exporter failed; the message is its own, followed by the end of what it printed."""


@contextmanager
def quiet() -> Iterator[None]:
    """Collect whatever the block prints, warns or logs, from C++ too, and drop it if the block succeeds.

    Raises:
        ChatterError: in place of any exception of the block.
    """
    with tempfile.TemporaryFile() as chatter:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = os.dup(1), os.dup(2)
        try:
            os.dup2(chatter.fileno(), 1)
            os.dup2(chatter.fileno(), 2)
            with warnings.catch_warnings():
                warnings.simplefilter("always")  # into the collected text, not into an error
                yield
        except Exception as error:  # exporters raise anything
            sys.stdout.flush()
            sys.stderr.flush()
            chatter.seek(0)
            printed = chatter.read().decode(errors="replace").strip().splitlines()
            last = f" ({printed[-1].strip()})" if printed else ""
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
            raise ChatterError(_COLOUR.sub("", f"{type(error).__name__}: {reason}{last}")) from error
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)
