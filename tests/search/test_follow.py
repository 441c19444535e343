"""What a worker makes of a trial's process: a stand-in that writes metrics.csv and ends as it is told to."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import TrialState

from esrgan_train.search.course import values_of
from esrgan_train.search.follow import Follow, Outcome, StoppedTrialError
from esrgan_train.search.trial_process import TrialProcess, of_one_process

CONFIG = "trainer: {max_steps: 40}\nloss: {adversarial: {start_step: 20}}\n"


class Process:
    """Logs ``values`` by iteration, one at each look, then ends with ``status``; None: goes on until stopped."""

    def __init__(self, folder: Path, values: list[str], status: int | None) -> None:
        self.folder, self.status = folder, status
        self.console = folder / "console.log"
        self.stopped = False
        self._values = iter(enumerate(values, 1))
        (folder / "metrics.csv").write_text("step,val/psnr,train/pixel\n0,9.0,\n5,,0.5\n")
        (folder / "config.yaml").write_text(CONFIG)

    def wait(self, seconds: float) -> int | None:
        if self.stopped:
            return 143
        if (row := next(self._values, None)) is None:
            return self.status
        with (self.folder / "metrics.csv").open("a") as file:
            file.write(f"{10 * row[0]},{row[1]},\n")
        return None

    def stop(self) -> None:
        self.stopped = True

    reason = TrialProcess.reason


class Turns:
    """A study whose pruner would end a trial at some iterations."""

    def __init__(self, hopeless: tuple[int, ...] = ()) -> None:
        self.hopeless = hopeless
        self.reported: list[tuple[int, float, int | None]] = []
        self.beats = 0

    def report(self, held: Any, step: int, value: float, *, start_step: int | None) -> bool:
        self.reported.append((step, value, start_step))
        return step in self.hopeless

    def beat(self, held: Any) -> None:
        self.beats += 1


def follow(process: Any, turns: Any, *, reported: tuple[int, ...] = (), metric: str = "val/psnr") -> Outcome:
    plan: Any = SimpleNamespace(metric=metric, options=SimpleNamespace(heartbeat=0))
    held: Any = SimpleNamespace(reported=frozenset(reported))
    return Follow(plan, turns, held, process, process.folder).to_the_end()


def test_every_validation_is_reported_and_the_last_is_the_result(tmp_path: Path):
    turns = Turns()
    outcome = follow(Process(tmp_path, ["20", "21", "19", "20.5"], 0), turns)
    assert turns.reported == [
        (10, 20.0, 20),
        (20, 21.0, 20),
        (30, 19.0, 20),
        (40, 20.5, 20),
    ]  # not that of the start
    assert (outcome.state, outcome.value) == (TrialState.COMPLETE, 20.5)
    assert turns.beats == 4


def test_what_an_earlier_worker_reported_is_not_reported_again(tmp_path: Path):
    turns = Turns()
    assert follow(Process(tmp_path, ["20", "21", "19", "20.5"], 0), turns, reported=(10, 20)).value == 20.5
    assert [step for step, *_ in turns.reported] == [30, 40]


def test_a_pruned_trial_is_stopped_and_saves(tmp_path: Path):
    process = Process(tmp_path, ["20", "12", "19", "20.5"], 0)
    outcome = follow(process, Turns(hopeless=(20,)))
    assert outcome.state == TrialState.PRUNED
    assert "after 20 iterations" in outcome.said
    assert process.stopped


def test_a_trial_is_not_pruned_at_its_end(tmp_path: Path):
    assert (
        follow(Process(tmp_path, ["20", "20", "20", "1"], 0), Turns(hopeless=(40,))).state == TrialState.COMPLETE
    )


def test_a_value_that_is_no_number_ends_the_trial_as_failed(tmp_path: Path):
    process = Process(tmp_path, ["20", "nan", "19"], 0)
    outcome = follow(process, Turns())
    assert (outcome.state, outcome.value) == (TrialState.FAIL, None)
    assert outcome.error == "val/psnr is nan after 20 iterations: training has diverged"
    assert process.stopped


@pytest.mark.parametrize(
    ("status", "said", "error"),
    [
        (1, "step 3\nerror: it has diverged: val/psnr=nan\nbye\n", r"it has diverged: .* \(exit status 1\)"),
        (2, "error: one\nerror: two\n\n", r"two \(exit status 2\)"),
        (1, "Traceback\nZeroDivisionError\n", r"ZeroDivisionError \(exit status 1\)"),
        (1, "", r"it said nothing \(exit status 1\)"),
        (-9, "", r"killed by SIGKILL; is there enough memory\?"),
        (0, "", r"val/psnr was not logged"),
    ],
)  # fmt: skip
def test_another_exit_status_is_a_failure_with_its_reason(status: int, said: str, error: str, tmp_path: Path):
    process = Process(tmp_path, [], status)
    process.console.write_text(said)
    outcome = follow(process, Turns())
    assert outcome.state == TrialState.FAIL
    assert outcome.error is not None
    assert re.fullmatch(error, outcome.error)


@pytest.mark.parametrize("status", [128 + signal.SIGTERM, -signal.SIGTERM, 128 + signal.SIGINT])
def test_a_run_that_a_signal_has_stopped_is_no_failure(status: int, tmp_path: Path):
    with pytest.raises(StoppedTrialError) as stop:
        follow(Process(tmp_path, ["20"], status), Turns())
    assert stop.value.signal_number == abs(status) % 128


def test_a_signal_stops_the_run_which_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    process = Process(tmp_path, ["20"], None)
    monkeypatch.setattr("esrgan_train.signals._requested", signal.SIGUSR1)
    with pytest.raises(StoppedTrialError) as stop:
        follow(process, Turns())
    assert process.stopped
    assert stop.value.signal_number == signal.SIGUSR1


def test_a_value_of_training_is_a_result_but_nothing_to_prune_by(tmp_path: Path):
    turns = Turns(hopeless=(5,))
    assert follow(Process(tmp_path, [], 0), turns, metric="train/pixel").value == 0.5
    assert turns.reported == []
    assert values_of(tmp_path, "val/psnr") == {}


def test_a_trials_process_is_one_by_itself_wherever_its_worker_runs():
    kept = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1", "MY_RANK": "3"}
    of_job = {"SLURM_PROCID": "3", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    of_torchrun = {
        "RANK": "1",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "1",
        "MASTER_ADDR": "a",
        "TORCHELASTIC_RUN_ID": "x",
    }
    assert of_one_process(kept | of_job | of_torchrun) == kept
