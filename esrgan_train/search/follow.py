"""Follows the process of a trial: reports its validations, prunes it, and finds out what came of it."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from esrgan_train import signals
from esrgan_train.search.course import Lengths, lengths_of, values_of
from esrgan_train.search.library import optuna
from esrgan_train.search.plan import Plan
from esrgan_train.search.trial_process import TrialProcess
from esrgan_train.search.turns import Turn, Turns

LOOK = 0.5  # seconds between looks at the process and at its metrics.csv
_SAVING = 60.0  # seconds that a run gets to save and to end


class StoppedTrialError(Exception):
    """A signal has stopped the trial, or is to stop it, and it has saved."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Outcome(NamedTuple):
    """What came of a trial."""

    state: Any  # Optuna's
    said: str
    value: float | None = None
    error: str | None = None


class Follow:
    """Follows a trial's process.

    Args:
        plan: of the search.
        turns: of this worker.
        held: the trial.
        process: its run.
        run_dir: of that.
    """

    def __init__(self, plan: Plan, turns: Turns, held: Turn, process: TrialProcess, run_dir: Path) -> None:
        self.plan, self.turns, self.held = plan, turns, held
        self.process, self.run_dir = process, run_dir
        self.states = optuna().trial.TrialState
        self._reported = set(held.reported)
        self._beaten = time.monotonic()
        self._lengths: Lengths | None = None

    def to_the_end(self) -> Outcome:
        """What came of the trial, whose process has ended then.

        Raises:
            LostTrialError: another worker has the trial.
            StoppedTrialError: a signal has come, to this process or to the trial's.
        """
        while True:
            status = self.process.wait(LOOK)  # before the values: all of them are there then
            for step, value in self._news():
                if (outcome := self._judged(step, value)) is not None:
                    self._let_save()
                    return outcome
            if status is not None:
                return self._of_status(status)
            if number := signals.requested():
                status = self._let_save()
                if status == 0:
                    return self._of_status(status)
                raise StoppedTrialError(number)
            self._beat()

    def _news(self) -> Iterator[tuple[int, float]]:
        """The validations that the study has not heard of; only those can be compared at the same iteration."""
        if self.plan.metric.startswith("val/"):
            for step, value in sorted(values_of(self.run_dir, self.plan.metric).items()):
                if step not in self._reported:
                    self._reported.add(step)
                    yield step, value

    def _judged(self, step: int, value: float) -> Outcome | None:
        """Report a value; an outcome if the trial ends with it."""
        if not math.isfinite(value):
            return self._failed(f"{self.plan.metric} is {value} after {step} iterations: training has diverged")
        lengths = self._lengths = self._lengths or lengths_of(self.run_dir)
        hopeless = self.turns.report(self.held, step, value, start_step=lengths.start_step)
        if hopeless and step < lengths.max_steps:
            return Outcome(self.states.PRUNED, f"pruned after {step} iterations, {self.plan.metric} {value:.5g}")
        return None

    def _of_status(self, status: int) -> Outcome:
        """What the exit status of the process means.

        Raises:
            StoppedTrialError: a signal has stopped it.
        """
        stopped = {128 + number: number for number in signals.SIGNALS} | {-n: n for n in signals.SIGNALS}
        if status in stopped:
            raise StoppedTrialError(stopped[status])
        if status < 0:
            return self._failed(f"killed by {signal.Signals(-status).name}; is there enough memory?")
        if status:
            return self._failed(f"{self.process.reason()} (exit status {status})")
        values = values_of(self.run_dir, self.plan.metric)
        if not values:
            return self._failed(f"{self.plan.metric} was not logged")
        value = values[max(values)]
        return Outcome(
            self.states.COMPLETE, f"{self.plan.metric} {value:.5g} after {max(values)} iterations", value
        )

    def _failed(self, error: str) -> Outcome:
        return Outcome(self.states.FAIL, f"failed: {error}; see {self.process.console}", error=error)

    def _let_save(self) -> int | None:
        """Ask the process to stop; its exit status, None if it took too long and was ended."""
        self.process.stop()
        until = time.monotonic() + _SAVING
        while (status := self.process.wait(LOOK)) is None and time.monotonic() < until:
            self._beat()
        return status

    def _beat(self) -> None:
        if time.monotonic() - self._beaten >= self.plan.options.heartbeat:
            self.turns.beat(self.held)
            self._beaten = time.monotonic()
