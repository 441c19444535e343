"""Workers on one journal, without processes: who has which trial."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from esrgan_train.errors import RunError, UserError
from esrgan_train.search.closing import lines_of
from esrgan_train.search.plan import Plan, plan_of
from esrgan_train.search.study import open_storage, open_study
from esrgan_train.search.turns import LostTrialError, Turns, Watch


@cache
def composed() -> Plan:
    space = ["optimizer.pixel_lr=tag(log,interval(1e-5,1e-3))", "generator.num_feat=8,16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esrgan_train.search.plan._check_values", lambda _: None)
        return plan_of([*space, "trainer.accelerator=cpu"])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
Worker = Callable[..., Turns]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """A worker of one search by name, all of them by one clock."""

    def make(name: str, **options: object) -> Turns:
        own = plan_in(tmp_path, **options)
        turns = Turns(own, open_study(own))
        turns.me = name
        turns.watch = Watch(own.options.silence, CLOCK)
        return turns

    return make


def plan_in(folder: Path, **options: object) -> Plan:
    plan = composed()
    changed = {"dir": str(folder), "name": "proof", "trials": 4, **options}
    return replace(plan, options=replace(plan.options, **changed))


def test_workers_take_different_trials_until_there_are_enough(worker: Worker):
    workers = [worker(f"host:{number}") for number in range(3)]
    held = [workers[number % 3].take() for number in range(5)]
    assert [turn.trial.number for turn in held if turn] == [0, 1, 2, 3]
    assert held[4] is None
    assert [turn.trial.user_attrs["worker"] for turn in held if turn] == ["host:0", "host:1", "host:2", "host:0"]
    rates = {turn.values["optimizer.pixel_lr"] for turn in held if turn}
    assert len(rates) == 4  # one seed, and yet no two alike
    assert worker("host:9", trials=5).take() is not None  # a larger number carries the study on


def test_what_is_drawn_depends_on_the_seed_and_the_trials_number_alone(worker: Worker, tmp_path: Path):
    one = worker("a")
    first = [turn.values for turn in (one.take(), one.take()) if turn]
    again = [worker("b", dir=str(tmp_path / "other")), worker("c", dir=str(tmp_path / "other"))]
    assert [turn.values for turn in (again[0].take(), again[1].take()) if turn] == first


def test_a_silent_workers_trial_is_taken_up_and_the_silent_one_learns_it(worker: Worker):
    one, other = worker("one", trials=1), worker("other", trials=1)
    held = one.take()
    assert held is not None
    assert other.take() is None  # seen for the first time
    CLOCK.now += 50
    one.beat(held)
    assert other.take() is None
    CLOCK.now += 50
    assert other.take() is None  # it was heard 50 seconds ago
    CLOCK.now += 61
    taken = other.take()
    assert taken is not None
    assert (taken.trial.number, taken.values, taken.left_by) == (0, held.values, "one")
    for step in (
        lambda: one.beat(held),
        lambda: one.give_back(held),
        lambda: one.tell(held, TrialState.COMPLETE, 1.0),
    ):
        with pytest.raises(LostTrialError, match="another worker has taken up trial 0: other"):
            step()
    other.tell(taken, TrialState.COMPLETE, 21.0)
    assert other.study.best_value == 21.0


def test_a_trial_that_is_given_back_goes_on_at_once_with_what_was_reported(worker: Worker):
    one, other = worker("one", trials=1), worker("other", trials=1)
    held = one.take()
    assert held is not None
    assert not one.report(held, 100, 20.0, start_step=300)
    one.give_back(held)
    taken = other.take()
    assert taken is not None
    assert (taken.values, taken.reported, taken.left_by) == (held.values, {100}, "a signal")
    assert taken.trial.user_attrs["attempts"] == 1  # nobody died of it


def test_a_trial_that_its_workers_die_of_fails_in_the_end(worker: Worker):
    worker("host:0", trials=1).take()
    for number in (1, 2):
        turns = worker(f"host:{number}", trials=1)
        assert turns.take() is None
        CLOCK.now += 100
        assert turns.take() is not None
    last = worker("last", trials=1)
    assert last.take() is None
    CLOCK.now += 100
    assert last.take() is None
    (trial,) = last.study.trials
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["error"] == "3 workers have died of it, or with it"


def test_a_database_keeps_a_study_too(worker: Worker, tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    one, other = worker("one", storage=url), worker("other", storage=url)
    held = [one.take(), other.take()]
    one.tell(held[0], TrialState.COMPLETE, 20.0)
    other.tell(held[1], TrialState.FAIL, error="diverged")
    study = optuna.load_study(study_name="proof", storage=url)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL]
    assert not (tmp_path / "journal.log").exists()


def test_optunas_own_programs_read_the_journal(worker: Worker, tmp_path: Path):
    turns = worker("one")
    for value in (20.0, 22.0):
        turns.tell(turns.take(), TrialState.COMPLETE, value)
    study = optuna.load_study(
        study_name="proof", storage=JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    )
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert (study.best_value, study.best_trial.number, study.metric_names) == (22.0, 1, ["val/psnr"])
    assert set(study.best_params) == {"optimizer.pixel_lr", "generator.num_feat"}
    assert json.loads((tmp_path / "search.json").read_text())["name"] == "proof"
    lines, found = lines_of(plan_in(tmp_path), study)
    assert found
    assert "best: trial 1, val/psnr 22" in lines[1]


def test_a_study_with_other_settings_is_refused(worker: Worker, tmp_path: Path):
    worker("one")
    own = plan_in(tmp_path)
    cfg = own.cfg.copy()
    cfg.trainer.max_steps = 7
    with pytest.raises(UserError, match=r"started otherwise: trainer\.max_steps=7 \(was 630\).*search\.name=NAME"):
        open_study(replace(own, cfg=cfg))
    narrower = {key: each for key, each in own.space.items() if key != "generator.num_feat"}
    open_study(replace(own, space=narrower))  # ranges may change


def test_a_password_is_told_to_nobody(tmp_path: Path):
    with pytest.raises(UserError, match=r"search\.storage=nosuch://\*\*\*@host/db cannot be used") as told:
        open_storage("nosuch://me:secret@host/db", tmp_path)
    assert "secret" not in str(told.value)
    with pytest.raises(UserError, match="cannot be used"):
        open_storage("journal.log", tmp_path)


def test_a_storage_that_comes_back_is_waited_for(worker: Worker, monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []
    monkeypatch.setattr("esrgan_train.search.patience.time.sleep", slept.append)
    turns = worker("one")
    get, failures = turns.study.get_trials, iter([True, True, False])

    def sometimes(**options: object) -> object:
        if next(failures):
            raise OSError(5, "the network folder is gone")
        return get(**options)

    monkeypatch.setattr(turns.study, "get_trials", sometimes)
    assert turns.take() is not None
    assert slept == [1, 2]
    monkeypatch.setattr(turns.study, "get_trials", lambda **_: open("/nonexistent/journal.log"))  # noqa: SIM115, PTH123
    with pytest.raises(RunError, match="the same command goes on"):
        turns.take()
