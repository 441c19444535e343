"""Hooks by which a test run fails when one of pytest-xdist's workers dies."""

from __future__ import annotations

from typing import Any

import pytest

_dead: list[str] = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """Called in the process that hands out the tests, when a worker ends."""
    if error:
        _dead.append(node.gateway.id)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker that dies while it runs no test takes its tests with it, and none of them fails."""
    if _dead:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
