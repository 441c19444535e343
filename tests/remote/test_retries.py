"""What may pass is tried again, with growing waits of random length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from esrgan_train.remote.retries import may_pass, persistently


class Clock:
    """Counts the seconds that were slept."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def failing(*errors: BaseException) -> Callable[[], str]:
    left = list(errors)

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return "came"

    return attempt


def tried(attempt: Callable[[], Any], clock: Clock, patience: float = 300) -> Any:
    return persistently(attempt, patience=patience, sleep=clock.sleep, clock=clock)


def test_what_passes_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _least, most: most)
    clock = Clock()
    assert tried(failing(*[ConnectionError("reset")] * 8), clock) == "came"
    assert clock.waits == [0.25, 0.5, 1, 2, 4, 8, 10, 10]


def test_waits_are_drawn_below_that() -> None:
    clocks = [Clock() for _ in range(200)]
    for clock in clocks:
        tried(failing(*[OSError("busy")] * 3), clock)
    third = [clock.waits[2] for clock in clocks]
    assert 0 <= min(third) < 0.1
    assert 0.9 < max(third) <= 1
    assert len({*third}) == len(third)


def test_patience_ends() -> None:
    clock = Clock()
    with pytest.raises(TimeoutError, match="slow"):
        tried(failing(*[TimeoutError("slow")] * 1000), clock, patience=60)
    assert 30 < clock.now < 60
    once = Clock()
    with pytest.raises(OSError, match="busy"):
        tried(failing(OSError("busy")), once, patience=0)
    assert once.waits == []


def answer(status: int) -> aiohttp.ClientResponseError:
    return aiohttp.ClientResponseError(None, (), status=status)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError("x"), False),
        (PermissionError("x"), False),
        (ConnectionResetError("x"), True),
        (EOFError("x"), True),
        (answer(401), False),
        (answer(404), False),
        (answer(429), True),
        (answer(503), True),
    ],
)
def test_what_will_not_pass_is_not_tried_again(error: BaseException, expected: bool) -> None:
    assert may_pass(error) is expected
    clock = Clock()
    if expected:
        assert tried(failing(error), clock) == "came"
    else:
        with pytest.raises(type(error)):
            tried(failing(error), clock)
        assert clock.waits == []


def test_faults_of_the_program_are_raised() -> None:
    with pytest.raises(KeyError):
        tried(failing(KeyError("x")), Clock())
