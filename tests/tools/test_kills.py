"""A run that is killed at random moments and resumed each time ends as an undisturbed one."""

from __future__ import annotations

import sys

import pytest

from tests import torture

pytestmark = pytest.mark.tools


def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["torture", "--kills", "5", "--seed", "1"])
    assert torture.main() == 0, capfd.readouterr().out
