from __future__ import annotations

import logging

import pytest

from esrgan_train.prepare import progress
from esrgan_train.prepare.progress import counting, progress_line


def test_rate_and_time_left_count_from_where_this_command_began() -> None:
    assert progress_line(1_500, 4_000, 500, 50.0) == "1,500/4,000 photos, 10.0/s, 0:04:10 left"
    assert progress_line(1_000, 4_000, 0, 50.0) == "1,000/4,000 photos"


def test_without_a_terminal_a_line_is_logged_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with caplog.at_level(logging.INFO), counting("packing", 80, 20) as counter:
        for done in range(21, 61):
            now += 1.0
            counter.show(done)
    assert caplog.messages == ["packing 50/80 photos, 1.0/s, 0:00:30 left"]
