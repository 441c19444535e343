from __future__ import annotations

from pathlib import Path

import pytest

from esrgan_train.data import sources
from esrgan_train.data.photos import Photos
from esrgan_train.data.sources import digest_of_names, digest_of_sizes
from esrgan_train.images.find import PathTable


def photos(folder: str, count: int) -> Photos:
    return Photos(PathTable(Path(folder), [f"{i}.png" for i in range(count)]))


def test_digests_tell_names_order_and_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("0.png", "1.png"):
        (tmp_path / name).write_bytes(b"abc")
    here, elsewhere = photos(str(tmp_path), 2), photos("gone", 2)
    assert digest_of_names(here) == digest_of_names(elsewhere) != digest_of_names(photos("a", 3))
    before = digest_of_sizes(here)
    assert before != digest_of_sizes(elsewhere)
    (tmp_path / "1.png").write_bytes(b"ab")
    assert digest_of_sizes(here) != before
    monkeypatch.setattr(sources, "MAX_LOOKED_AT", 1)
    first = digest_of_sizes(here)
    (tmp_path / "1.png").write_bytes(b"a")
    assert digest_of_sizes(here) == first
