"""A worker: takes trials, runs each in a process of its own, and tells the study what came of it."""

from __future__ import annotations

import logging
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from esrgan_train import signals
from esrgan_train.errors import StopAtOnceError, StopRequestedError
from esrgan_train.search.binding import Binding
from esrgan_train.search.follow import LOOK, Follow, StoppedTrialError
from esrgan_train.search.plan import Plan
from esrgan_train.search.trial_process import TrialProcess
from esrgan_train.search.turns import LostTrialError, Turn, Turns

if TYPE_CHECKING:
    from optuna.study import Study

log = logging.getLogger(__name__)


def work(plan: Plan, study: Study, binding: Binding) -> None:
    """Take trials until the study has as many as it is to have.

    Raises:
        StopRequestedError: a signal has stopped this worker; its trial is given back.
    """
    turns = Turns(plan, study)
    with signals.given_back():
        signals.take_over()
        while True:
            if (held := turns.take()) is not None:
                _carry_on(plan, turns, held, binding)
            elif not (plan.options.wait and turns.anything_running()):
                return
            else:
                _pause(plan.options.heartbeat)


def _pause(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if number := signals.requested():
            raise StopRequestedError(f"stopped by {signal.Signals(number).name} while waiting for others", number)
        time.sleep(min(LOOK, seconds))


def _carry_on(plan: Plan, turns: Turns, held: Turn, binding: Binding) -> None:
    """Run the trial to its end, whichever that is."""
    number = held.trial.number
    run_dir = plan.options.run_dir(number)
    values = " ".join(f"{key}={value}" for key, value in held.values.items())
    log.info("trial %d: %s, in %s%s", number, values, run_dir, f", left by {held.left_by}" if held.left_by else "")
    environment, overrides = binding.environment(), plan.overrides(held.values, number)
    process = TrialProcess(overrides, run_dir, environment, binding.descriptors)
    try:
        outcome = Follow(plan, turns, held, process, run_dir).to_the_end()
        turns.tell(held, outcome.state, outcome.value, outcome.error)
        log.info("trial %d: %s", number, outcome.said)
    except LostTrialError as lost:
        log.warning("trial %d: %s", number, lost)
    except (StoppedTrialError, StopAtOnceError) as stop:
        process.kill()
        with suppress(LostTrialError):
            turns.give_back(held)
        how = "at once, without saving" if isinstance(stop, StopAtOnceError) else "saved"
        told = f"trial {number} is stopped ({how}), and left to other workers"
        raise StopRequestedError(told, stop.signal_number) from None
    finally:
        process.kill()
