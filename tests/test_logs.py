from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from esrgan_train.files import take_failing
from esrgan_train.logs import ConsoleHandler, add_log_file, remove_log_file
from tests.small_files import files_of_at_most


def test_what_is_printed_may_fail_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = logging.LogRecord("esrgan_train", logging.INFO, __file__, 1, "a line", None, None)
    with (tmp_path / "out.txt").open("w", buffering=1) as out:
        monkeypatch.setattr(sys, "stdout", out)
        with files_of_at_most(0):
            ConsoleHandler().emit(record)
        assert take_failing() == {"what this command prints": "File too large"}
        ConsoleHandler().emit(record)
    assert (tmp_path / "out.txt").read_text().endswith("a line\n")


def test_train_log_may_fail_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "train.log"
    root = logging.getLogger()  # another test's console would print into pytest's file, whose size is limited too
    monkeypatch.setattr(root, "handlers", [h for h in root.handlers if not isinstance(h, ConsoleHandler)])
    handler = add_log_file(path)
    log = logging.getLogger("esrgan_train")
    try:
        with caplog.at_level(logging.INFO):
            log.info("before")
            with files_of_at_most(path.stat().st_size):
                log.info("lost")
                log.info("lost too")
            log.info("after")
    finally:
        remove_log_file(handler)
        take_failing()
    written = [line.split(": ", 1)[1] for line in path.read_text().splitlines()]
    assert written == ["before", "after", f"{path} is written again"]
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        f"{path} cannot be written (File too large); what is there stays, and training continues: "
        "check the disk and the permissions"
    ]
