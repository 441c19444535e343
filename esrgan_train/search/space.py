"""What a search varies: each option with its range or its choices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override, RangeSweep

from esrgan_train.bounds import shown
from esrgan_train.errors import UserError

if TYPE_CHECKING:
    from optuna.trial import Trial

Number = int | float
Choice = bool | int | float | str  # a text is written as in an override: null, [a,b]

_GIVE = "give low and high (with log: true for magnitudes, or step), or choices"


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from ``low`` to ``high``, both included; whole ones if both are."""

    low: Number
    high: Number
    log: bool = False  # drawn evenly by magnitude
    step: Number | None = None  # None: any number, or every whole one

    def suggest(self, key: str, trial: Trial) -> str:
        """Ask the study for a value, as an override writes it."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            step = 1 if self.step is None else int(self.step)
            return str(trial.suggest_int(key, self.low, self.high, step=step, log=self.log))
        return repr(trial.suggest_float(key, self.low, self.high, step=self.step, log=self.log))

    def examples(self) -> list[str]:
        """Both ends, as overrides write them."""
        return [repr(self.low), repr(self.high)]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """Some values."""

    values: tuple[Choice, ...]

    def suggest(self, key: str, trial: Trial) -> str:
        """Ask the study for a value, as an override writes it."""
        value: Any = trial.suggest_categorical(key, self.values)
        return written(value)

    def examples(self) -> list[str]:
        """All of them, as overrides write them."""
        return [written(value) for value in self.values]


Space = dict[str, Range | Choices]  # by option


def written(value: Choice) -> str:
    """A value as an override writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def space_of(node: Mapping[str, Any]) -> Space:
    """The space that ``search.space`` of a YAML file describes.

    Raises:
        UserError: an option has neither a range nor choices.
    """
    return {str(key): _dimension(f"search.space.{key}", value) for key, value in node.items() if value is not None}


def space_in(overrides: Iterable[Override]) -> Space:
    """The space that the ranges and choices of a command line describe.

    Raises:
        UserError: a kind of sweep that no search can draw from.
    """
    return {sweep.get_key_element(): _swept(sweep) for sweep in overrides if sweep.is_sweep_override()}


def _dimension(at: str, node: Any) -> Range | Choices:
    if not isinstance(node, Mapping):
        raise UserError(f"{at}={shown(node)}: {_GIVE}")
    if "choices" in node:
        if len(node) > 1 or not isinstance(node["choices"], list) or not node["choices"]:
            raise UserError(f"{at}: choices are a list, alone: {at}: {{choices: [24, 64]}}")
        return Choices(values=tuple(_choice(at, value) for value in node["choices"]))
    if unknown := [key for key in node if key not in ("low", "high", "log", "step")]:
        raise UserError(f"{at}.{unknown[0]}: there is no such key: {_GIVE}")
    if not {"low", "high"} <= set(node):
        raise UserError(f"{at}: {_GIVE}")
    return _range(at, **node)


def _choice(at: str, value: Any) -> Choice:
    if value is None:
        return "null"
    if not isinstance(value, (bool, int, float, str)):
        raise UserError(f"{at}: {shown(value)} is no choice: write a list or a mapping as text, such as '[a,b]'")
    return value


def _range(at: str, *, low: Any, high: Any, log: Any = False, step: Any = None) -> Range:
    for name, value in (("low", low), ("high", high), ("step", 1 if step is None else step)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserError(f"{at}: {name}={shown(value)} is no number")
    if not isinstance(log, bool):
        raise UserError(f"{at}: log={shown(log)}: give true or false")
    if low >= high:
        raise UserError(f"{at}: low={shown(low)} must be below high={shown(high)}")
    if log and (low <= 0 or step is not None):
        raise UserError(f"{at}: log: true takes a low above 0, and no step")
    if step is not None and step <= 0:
        raise UserError(f"{at}: step={shown(step)} must be above 0")
    whole = all(isinstance(value, int) for value in (low, high, step or 1))
    return Range(low=low if whole else float(low), high=high if whole else float(high), log=log, step=step)


def _swept(override: Override) -> Range | Choices:
    at, sweep = override.input_line or override.get_key_element(), override.value()
    if isinstance(sweep, IntervalSweep):
        if unknown := sorted(sweep.tags - {"log"}):
            raise UserError(f"{at}: the tag {unknown[0]} means nothing here: give tag(log, interval(1e-5, 1e-3))")
        return _range(at, low=sweep.start, high=sweep.end, log="log" in sweep.tags)
    if isinstance(sweep, RangeSweep):
        values = list(sweep.range())
        if not values:
            raise UserError(f"{at}: holds no number")
        return Choices(values=tuple(values)) if len(values) == 1 else _steps(at, values)
    if not isinstance(sweep, ChoiceSweep):
        raise UserError(
            f"{at}: a search draws from interval(low, high), range(start, stop, step) and choice(a, b)"
        )
    texts = override.sweep_string_iterator()
    plain = (bool, int, float)
    return Choices(values=tuple(v if isinstance(v, plain) else t for v, t in zip(sweep.list, texts, strict=True)))


def _steps(at: str, values: list[Any]) -> Range:
    first, last = min(values), max(values)
    return _range(at, low=first, high=last, step=abs(values[1] - values[0]))
