"""A limit to the size of files, which makes real writes fail without a full disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

resource = pytest.importorskip("resource", reason="no limits to the size of files here")


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let every write past ``size`` bytes fail with ``OSError`` (EFBIG: "File too large")."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
