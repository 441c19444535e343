"""What a search says at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from esrgan_train.commands import command
from esrgan_train.search.library import optuna
from esrgan_train.search.plan import Plan
from esrgan_train.search.study import JOURNAL
from esrgan_train.search.turns import ERROR

if TYPE_CHECKING:
    from optuna.study import Study

_WORDS = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


def lines_of(plan: Plan, study: Study) -> tuple[list[str], bool]:
    """The lines, and whether a trial has a result."""
    trials = study.get_trials(deepcopy=False)
    counts = Counter(_WORDS[trial.state.name] for trial in trials)
    lines = [f"study {plan.options.name}: {', '.join(f'{counts[word]} {word}' for word in counts)}"]
    if not any(trial.state == optuna().trial.TrialState.COMPLETE for trial in trials):
        reasons = [trial.user_attrs[ERROR] for trial in trials if ERROR in trial.user_attrs]
        return [*lines, f"no trial has a result{f'; the last failed: {reasons[-1]}' if reasons else ''}"], False
    best = study.best_trial
    values = " ".join(f"{key}={value}" for key, value in best.params.items())
    lines.append(f"best: trial {best.number}, {plan.metric} {best.value:.5g}: {values}")
    lines.append(f"compare them: {command('esrgan_train.compare', plan.options.folder)}")
    if plan.options.storage is None:
        lines.append(f"look at the study: optuna-dashboard {plan.options.folder / JOURNAL}")
    return lines, True
