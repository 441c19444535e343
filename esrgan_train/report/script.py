"""Plotly's script, packed small: out of its own package, so that a page needs no network."""

from __future__ import annotations

import base64
import gzip
from functools import cache
from hashlib import sha256
from typing import NamedTuple


class Script(NamedTuple):
    """A script: gzip in base64, and what a page's security policy calls it."""

    packed: str
    source: str


@cache
def plotly_script() -> Script:
    """The script of the installed ``plotly`` (4.8 MB, 1.9 MB packed)."""
    from plotly.offline import get_plotlyjs

    text = get_plotlyjs()
    packed = gzip.compress(text.encode(), compresslevel=6, mtime=0)
    return Script(base64.b64encode(packed).decode(), policy_source(text))


def policy_source(script: str) -> str:
    """The source expression of a Content-Security-Policy that allows exactly this script."""
    return f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"
