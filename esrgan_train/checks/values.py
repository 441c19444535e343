"""What a value may be, as a test and in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from esrgan_train.errors import UserError


class Rule(NamedTuple):
    """A test of a value, and what to give instead of one that fails it."""

    holds: Callable[[Any], bool]
    wanted: str

    def check(self, option: str, value: Any) -> None:
        """``UserError`` naming the option, the value and what to give, unless the rule holds."""
        if not self.holds(value):
            raise UserError(f"{option}={shown(value)}: give {self.wanted}")


def shown(value: Any) -> str:
    """A value as it is written on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(shown, value))}]"
    return str(value)


def is_whole(value: Any) -> bool:
    """Whether it is an ``int``; True and 4.0 are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a finite ``int`` or ``float``; True is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def whole(low: int, high: int | None = None) -> Rule:
    """A whole number from ``low`` on, or to ``high``."""
    words = f"from {low} on" if high is None else f"from {low} to {high}"
    most = math.inf if high is None else high
    return Rule(lambda value: is_whole(value) and low <= value <= most, f"a whole number {words}")


def number(low: float, high: float = math.inf) -> Rule:
    """A number from ``low`` on, or to ``high``."""
    words = f"from {low:g} on" if high == math.inf else f"from {low:g} to {high:g}"
    return Rule(lambda value: is_number(value) and low <= value <= high, f"a number {words}")


def above(low: float, *, such_as: str) -> Rule:
    """A number greater than ``low``."""
    return Rule(lambda value: is_number(value) and value > low, f"a number above {low:g}, such as {such_as}")


def flag() -> Rule:
    """True or false."""
    return Rule(lambda value: isinstance(value, bool), "true or false")


def text(wanted: str) -> Rule:
    """A word or path that is not empty."""
    return Rule(lambda value: isinstance(value, str) and bool(value.strip()), wanted)


def words(*choices: str) -> Rule:
    """One of the words; a number that looks like one will do."""
    return Rule(
        lambda value: str(value) in choices and not isinstance(value, bool), f"one of {', '.join(choices)}"
    )


def either(*rules: Rule) -> Rule:
    """What one of the rules allows."""
    return Rule(lambda value: any(rule.holds(value) for rule in rules), " or ".join(r.wanted for r in rules))


def or_null(rule: Rule, meaning: str = "") -> Rule:
    """What the rule allows, or null, which means ``meaning``."""
    note = f" ({meaning})" if meaning else ""
    return Rule(lambda value: value is None or rule.holds(value), f"{rule.wanted}, or null{note}")
