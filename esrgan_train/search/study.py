"""The study of a search: where it is kept, and what its trials share."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from hydra.utils import instantiate

from esrgan_train.bounds import shown
from esrgan_train.checks.tree import locate
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.identity import changed_settings
from esrgan_train.remote.url import masked
from esrgan_train.search.library import optuna
from esrgan_train.search.options import Options
from esrgan_train.search.plan import Plan

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study

JOURNAL = "journal.log"  # in the search's folder, unless a database keeps the study
CARD = "search.json"  # there too: what the study is called, and what it goes by
_SETTINGS = "settings"  # the study's attribute
_NEVER = {"_target_": "optuna.pruners.NopPruner"}
_LOCK = "turn"  # file in the search's folder, while a worker takes a trial


def open_study(plan: Plan) -> Study:
    """The search's study, made if there is none yet.

    Raises:
        UserError: it cannot be reached, or its trials were trained otherwise.
    """
    options = plan.options
    storage = open_storage(options.storage, options.folder)
    make = {"direction": "maximize" if plan.maximizes else "minimize", "load_if_exists": True}
    with reaching(options.storage), turn(options):
        study: Study = optuna().create_study(study_name=options.name, storage=storage, **make)
        kept = study.user_attrs.get(_SETTINGS)
        if kept is None:
            study.set_user_attr(_SETTINGS, plan.settings)
            with warnings.catch_warnings():  # experimental since version 3.2: the dashboard shows the name
                warnings.simplefilter("ignore", optuna().exceptions.ExperimentalWarning)
                study.set_metric_names([plan.metric])
            _write_card(plan)
    if changed := changed_settings(kept, plan.settings) if kept is not None else []:
        raise UserError(
            f"the study {options.name} in {options.folder} was started otherwise: {', '.join(changed[:3])}; give "
            "the same options, or search.name=NAME for another study"
        )
    study.pruner = _pruner(options)
    return study


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """The storage at a database's address; without one the journal in the search's folder.

    Raises:
        UserError: it cannot be reached.
    """
    with reaching(url):
        if url is not None:
            database: BaseStorage = optuna().storages.get_storage(url)
            return database
        folder.mkdir(parents=True, exist_ok=True)
        journal = optuna().storages.journal
        file = str(folder / JOURNAL)
        backend = journal.JournalFileBackend(file, lock_obj=journal.JournalFileOpenLock(file))
        kept: BaseStorage = optuna().storages.JournalStorage(backend)
        return kept


@contextmanager
def reaching(url: str | None) -> Iterator[None]:
    """Turn a database's failure into one line, in which no password stands."""
    of_optuna = optuna().exceptions.StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError  # which Optuna brings

    try:
        yield
    except (SQLAlchemyError, ImportError, of_optuna) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:200]
        told = (
            f"search.storage={url} cannot be used ({reason}): give an address as SQLAlchemy writes it, such as "
            "postgresql://host/studies, and install its driver"
        )
        raise UserError(masked(told)) from None


@contextmanager
def turn(options: Options) -> Iterator[None]:
    """What one worker at a time does, on any host: look at the trials, and take one of them or a new one.

    A lock that its holder left behind is broken after half a minute.
    """
    options.folder.mkdir(parents=True, exist_ok=True)
    lock = optuna().storages.journal.JournalFileOpenLock(str(options.folder / _LOCK))
    lock.acquire()
    try:
        yield
    finally:
        with suppress(RuntimeError):  # this process was held up for so long that another has broken it
            lock.release()


def sampler_for(plan: Plan, number: int) -> Any:
    """The sampler that draws trial ``number``, seeded by it and the run's ``seed``.

    Workers with one seed between them would draw the same first trials, and so would a search that goes on.
    """
    seed = int(np.random.SeedSequence([int(plan.cfg.seed), number]).generate_state(1)[0])
    return _built("search.sampler", plan.options.sampler, seed=seed)


def _pruner(options: Options) -> Any:
    from esrgan_train.search.pruner import ByStage

    return ByStage(_built("search.pruner", options.pruner or _NEVER), options.prune_stages)


def _built(option: str, node: Any, **more: Any) -> Any:
    """An object of Optuna's, with those of ``more`` that it takes."""
    if not isinstance(node, dict) or "_target_" not in node:
        raise UserError(f"{option}={shown(node)}: give _target_, such as optuna.samplers.TPESampler")
    taken = inspect.signature(locate(f"{option}._target_", node["_target_"])).parameters
    try:
        return instantiate({name: value for name, value in more.items() if name in taken} | node)
    except Exception as error:  # of any class of Optuna's or the user's
        reason = " ".join(str(error.__cause__ or error).split())
        raise UserError(f"{option}._target_={node['_target_']} cannot be built: {reason}") from error


def _write_card(plan: Plan) -> None:
    card = {"name": plan.options.name, "metric": plan.metric, "journal": plan.options.storage is None}
    with replacing(plan.options.folder / CARD) as partial:
        partial.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
