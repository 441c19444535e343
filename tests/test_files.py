from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from esrgan_train.files import replacing, reporting_failure, take_failing
from tests.small_files import files_of_at_most


@pytest.fixture(autouse=True)
def _nothing_failed_before() -> Iterator[None]:
    take_failing()
    yield
    take_failing()


def test_the_file_appears_whole_in_a_folder_made_for_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.txt"
    with replacing(target) as partial:
        partial.write_text("whole")
        assert not target.exists()
        assert partial.suffix == ".txt"  # writers choose the format by it
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OSError, match="disk full"), replacing(target) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_full_disk_refuses_is_named(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with files_of_at_most(1000), pytest.raises(OSError, match=r"a\.bin'$"), replacing(target) as partial:
        partial.write_bytes(bytes(5000))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_reported_once_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    def write(what: str, error: OSError | None = None) -> None:
        with reporting_failure(what):
            if error is not None:
                raise error

    full, denied = (
        OSError(errno.ENOSPC, "No space left on device"),
        PermissionError(errno.EACCES, "Permission denied"),
    )
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        for error in (None, full, full, full):
            write("curves.png", error)
        write("summary.json", denied)
        write("curves.png")
        write("curves.png")
        write("curves.png", full)
    went_on = "what is there stays, and training continues"
    assert caplog.messages == [
        f"curves.png cannot be written (No space left on device); {went_on}: free some space",
        f"summary.json cannot be written (Permission denied); {went_on}: check the disk and the permissions",
        "curves.png is written again",
        f"curves.png cannot be written (No space left on device); {went_on}: free some space",
    ]
    assert take_failing() == {"summary.json": "Permission denied", "curves.png": "No space left on device"}
    assert take_failing() == {}


def test_what_is_no_failure_to_write_is_raised() -> None:
    with pytest.raises(RuntimeError, match="a fault"), reporting_failure("curves.png"):
        raise RuntimeError("a fault")
    assert take_failing() == {}
