"""Files that are fetched once: whether their server answers."""

from __future__ import annotations

import http.client
import urllib.request

FAILURES = (OSError, RuntimeError, http.client.HTTPException)  # of looking for a file, and of fetching it

_SECONDS = 5.0


def look_for(url: str) -> None:
    """Ask the server for the file's header; one of ``FAILURES`` if it does not answer within five seconds."""
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_SECONDS):
        pass
