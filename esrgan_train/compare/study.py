"""The study of a search, for its picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esrgan_train.errors import UserError
from esrgan_train.search.library import optuna
from esrgan_train.search.study import CARD, open_storage, reaching

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a search has found so far.

    Attributes:
        name: of the study.
        metric: the value that it goes by.
        maximizes: whether larger ones are better.
        complete: its trials with a result.
        pruned: those that were ended early.
        space: what it varies, the most important first.
        importances: the share of each in what makes trials good, from 0 to 1; empty before two are complete.
    """

    name: str
    metric: str
    maximizes: bool
    complete: list[FrozenTrial]
    pruned: list[FrozenTrial]
    space: dict[str, BaseDistribution]
    importances: dict[str, float]


def read_study(folder: Path, storage: str | None) -> Study | None:
    """The study of the search in ``folder``; None if no search has written there.

    Args:
        folder: given to compare.
        storage: the address of the database that keeps it; None: the journal in the folder.

    Raises:
        UserError: a database keeps it, and no address is given.
    """
    if not (folder / CARD).is_file():
        return None
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    if not card["journal"] and storage is None:
        raise UserError(f"a database keeps the study of {folder}: give --storage with its address")
    with reaching(storage):
        kept = open_storage(None if card["journal"] else storage, folder)
        study = optuna().load_study(study_name=card["name"], storage=kept)
        trials = study.get_trials(deepcopy=False)
    states = optuna().trial.TrialState
    complete = [trial for trial in trials if trial.state == states.COMPLETE]
    importances = _importances(study) if len(complete) > 1 else {}
    spaces = {key: each for trial in trials for key, each in trial.distributions.items()}
    return Study(
        name=card["name"],
        metric=card["metric"],
        maximizes=study.direction == optuna().study.StudyDirection.MAXIMIZE,
        complete=complete,
        pruned=[trial for trial in trials if trial.state == states.PRUNED],
        space={key: spaces[key] for key in sorted(spaces, key=lambda key: -importances.get(key, 0.0))},
        importances=importances,
    )


def _importances(study: Any) -> dict[str, float]:
    """By PED-ANOVA, which needs no further package (fANOVA needs scikit-learn)."""
    importance = optuna().importance
    found: dict[str, float] = importance.get_param_importances(
        study, evaluator=importance.PedAnovaImportanceEvaluator()
    )
    return found
