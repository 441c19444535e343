"""Files that are fetched once: whether their server answers, and torch.hub's cache of weights."""

from __future__ import annotations

import http.client
import urllib.request
from pathlib import Path

import torch

FAILURES = (OSError, RuntimeError, http.client.HTTPException)  # of looking for a file, and of fetching it

_SECONDS = 5.0


def look_for(url: str) -> None:
    """Ask the server for the file's header; one of ``FAILURES`` if it does not answer within five seconds."""
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_SECONDS):
        pass


def hub_file(url: str) -> Path:
    """Where torch.hub keeps the weights at an address."""
    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def fetch_into_hub(url: str) -> Path:
    """The weights at an address in torch.hub's cache, fetched into it unless they are there.

    Their name ends with the first digits of their SHA-256, which is compared. One of ``FAILURES`` if they cannot
    be fetched.
    """
    file = hub_file(url)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        look_for(url)  # the download itself has no limit
        torch.hub.download_url_to_file(url, str(file), hash_prefix=file.stem.rpartition("-")[2])
    return file
