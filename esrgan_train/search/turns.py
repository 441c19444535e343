"""Which trial a worker takes next: one that nobody carries on any more, or a new one."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esrgan_train.search.library import optuna
from esrgan_train.search.patience import patiently
from esrgan_train.search.plan import Plan
from esrgan_train.search.pruner import START_STEP
from esrgan_train.search.study import sampler_for, turn

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

log = logging.getLogger(__name__)

# Attributes of a trial.
WORKER, BEAT = (
    "worker",
    "beat",
)  # who carries it on, None for nobody; a number that grows as long as that one lives
ATTEMPTS, ERROR = "attempts", "error"


def worker_name() -> str:
    """This process, for the study and for people."""
    return f"{socket.gethostname()}:{os.getpid()}"


class LostTrialError(Exception):
    """Another worker has taken up a trial: this one was silent for too long."""


class Watch:
    """Which trials have not been heard of for a while, by this process's clock: others may differ."""

    def __init__(self, silence: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.silence = silence
        self.clock = clock
        self._heard: dict[int, tuple[object, float]] = {}  # by trial: its latest sign of life, and when it was new

    def look(self, trials: Iterable[FrozenTrial]) -> None:
        """Note the signs of life of running trials."""
        for trial in trials:
            sign = (trial.user_attrs.get(WORKER), trial.user_attrs.get(BEAT))
            if trial.number not in self._heard or self._heard[trial.number][0] != sign:
                self._heard[trial.number] = (sign, self.clock())

    def is_left(self, trial: FrozenTrial) -> bool:
        """Whether nobody carries on a running trial that was looked at."""
        given_back = WORKER in trial.user_attrs and trial.user_attrs[WORKER] is None
        return given_back or self.clock() - self._heard[trial.number][1] > self.silence


@dataclass
class Turn:
    """A trial in this worker's hands.

    Attributes:
        trial: Optuna's.
        values: of the options that vary, as overrides write them.
        left_by: the worker that had it before; None for a new trial.
        reported: the iterations whose values the study has.
    """

    trial: Trial
    values: dict[str, str]
    left_by: str | None
    reported: frozenset[int]


class Turns:
    """Takes trials for this worker, tells others that it lives, and gives back.

    Each step is done while no other worker does one (``study.turn``), so that each trial is one worker's.
    """

    def __init__(self, plan: Plan, study: Study) -> None:
        self.plan = plan
        self.study = study
        self.me = worker_name()
        self.watch = Watch(plan.options.silence)

    @patiently
    def take(self) -> Turn | None:
        """A trial; None if there is none at present.

        One that was taken up too often is marked as failed: it may be what its workers died of.
        """
        with turn(self.plan.options):
            trials = self.study.get_trials(deepcopy=False)
            running = [trial for trial in trials if trial.state == optuna().trial.TrialState.RUNNING]
            self.watch.look(running)
            for left in filter(self.watch.is_left, running):
                if (found := self._take_up(left)) is not None:
                    return found
            started = [trial for trial in trials if trial.state != optuna().trial.TrialState.WAITING]
            if len(started) >= self.plan.options.trials:
                return None
            self.study.sampler = sampler_for(self.plan, len(trials))
            return self._carry_on(self.study.ask(), attempts=1, left_by=None)

    @patiently
    def anything_running(self) -> bool:
        """Whether other workers carry on trials."""
        return bool(self.study.get_trials(deepcopy=False, states=(optuna().trial.TrialState.RUNNING,)))

    @patiently
    def report(self, held: Turn, step: int, value: float, *, start_step: int | None) -> bool:
        """Record a value at an iteration; whether the study's pruner would end the trial there."""
        held.trial.set_user_attr(START_STEP, start_step)
        held.trial.report(value, step)
        return held.trial.should_prune()

    @patiently
    def beat(self, held: Turn) -> None:
        """Show that this worker lives, and look whether others do.

        Raises:
            LostTrialError: another worker has taken the trial up.
        """
        with self._held(held):
            held.trial.set_user_attr(BEAT, held.trial.user_attrs[BEAT] + 1)
        self.watch.look(self.study.get_trials(deepcopy=False, states=(optuna().trial.TrialState.RUNNING,)))

    @patiently
    def give_back(self, held: Turn) -> None:
        """Leave the trial to others, at once."""
        with self._held(held):
            held.trial.set_user_attr(WORKER, None)
            held.trial.set_user_attr(ATTEMPTS, held.trial.user_attrs[ATTEMPTS] - 1)  # nobody died of it

    @patiently
    def tell(self, held: Turn, state: Any, value: float | None = None, error: str | None = None) -> None:
        """Record how the trial has ended."""
        with self._held(held):
            if error is not None:
                held.trial.set_user_attr(ERROR, error)
            self.study.tell(held.trial, value, state=state)

    def _take_up(self, left: FrozenTrial) -> Turn | None:
        trial, attempts = optuna().trial.Trial(self.study, left._trial_id), left.user_attrs.get(ATTEMPTS, 1)
        if attempts < self.plan.options.attempts or left.user_attrs.get(WORKER, "") is None:
            return self._carry_on(trial, attempts=attempts + 1, left_by=left.user_attrs.get(WORKER) or "a signal")
        error = f"{attempts} workers have died of it, or with it"
        trial.set_user_attr(ERROR, error)
        self.study.tell(trial, state=optuna().trial.TrialState.FAIL)
        log.warning("trial %d failed: %s", left.number, error)
        return None

    def _carry_on(self, trial: Trial, *, attempts: int, left_by: str | None) -> Turn:
        trial.set_user_attr(WORKER, self.me)
        trial.set_user_attr(BEAT, 0)
        trial.set_user_attr(ATTEMPTS, attempts)
        values = {key: each.suggest(key, trial) for key, each in self.plan.space.items()}
        reported = self.study._storage.get_trial(trial._trial_id).intermediate_values
        return Turn(trial, values, left_by, frozenset(reported))

    @contextmanager
    def _held(self, held: Turn) -> Iterator[None]:
        """Within, no other worker takes the trial up.

        Raises:
            LostTrialError: one has done so.
        """
        with turn(self.plan.options):
            now = self.study._storage.get_trial(held.trial._trial_id)
            if now.state.is_finished() or now.user_attrs.get(WORKER) != self.me:
                raise LostTrialError(
                    f"another worker has taken up trial {now.number}: {now.user_attrs.get(WORKER)}"
                )
            yield
