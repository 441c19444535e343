"""``trainer=torchrun`` and ``trainer=slurm``: as many processes as the launcher has started, or one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import OmegaConf

from esrgan_train.build import build_trainer
from esrgan_train.checks.sweep import check_sweep
from esrgan_train.cli import one_line
from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.hours.trial import trial_of
from esrgan_train.launch import Launch
from esrgan_train.launchers import check_launched, launcher_of
from esrgan_train.train import build_run
from esrgan_train.training.strategy import TwoPlayerStrategy
from tests.tiny import tiny

# The variables of one of four processes: two on each of two nodes.
TORCHRUN = {
    **{"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2"},
    **{"RANK": "3", "LOCAL_RANK": "1", "GROUP_RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"},
}
SLURM = {
    **{"SLURM_JOB_ID": "4321", "SLURM_JOB_NAME": "train", "SLURM_STEP_ID": "0", "SLURM_NODELIST": "127.0.0.1"},
    **{"SLURM_NTASKS": "4", "SLURM_NNODES": "2", "SLURM_NTASKS_PER_NODE": "2"},
    **{"SLURM_PROCID": "3", "SLURM_LOCALID": "1", "SLURM_NODEID": "1"},
}
BOTH = {"torchrun": TORCHRUN, "slurm": SLURM}


@pytest.fixture(autouse=True)
def _as_typed_at_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TORCHRUN.keys() | SLURM.keys():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(rank_zero_only, "rank", 0)  # which a trainer sets for all that comes after it


def start_by(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str | None], **changed: str | None) -> None:
    for name, value in {**variables, **changed}.items():
        if value is not None:
            monkeypatch.setenv(name, value)


@pytest.mark.parametrize("launcher", BOTH)
def test_the_trainer_counts_on_the_processes_that_are_there(
    launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = compose_config(tiny(tmp_path, f"trainer={launcher}", "trainer.max_steps=6"))
    start_by(monkeypatch, BOTH[launcher])
    check(cfg)
    trainer = build_trainer(cfg)
    assert isinstance(trainer.strategy, TwoPlayerStrategy)
    assert (trainer.num_devices, trainer.num_nodes, trainer.world_size) == (2, 2, 4)
    assert (trainer.global_rank, trainer.local_rank, trainer.max_steps) == (3, 1, 6)


@pytest.mark.parametrize("launcher", BOTH)
@pytest.mark.parametrize("nodes", [1, 2])
def test_one_process_a_node_is_a_run_too(
    launcher: str, nodes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_torchrun = {"WORLD_SIZE": str(nodes), "LOCAL_WORLD_SIZE": "1", "GROUP_WORLD_SIZE": str(nodes)}
    of_slurm = {"SLURM_NTASKS": str(nodes), "SLURM_NNODES": str(nodes), "SLURM_NTASKS_PER_NODE": "1"}
    start_by(monkeypatch, BOTH[launcher], **of_torchrun if launcher == "torchrun" else of_slurm)
    trainer = build_trainer(compose_config(tiny(tmp_path, f"trainer={launcher}")))
    assert (trainer.num_devices, trainer.num_nodes) == (1, nodes)


@pytest.mark.parametrize(
    ("launcher", "started", "words"),
    [
        ("torchrun", {}, ["torchrun has not started this process", "torchrun --standalone --nproc-per-node=2"]),
        ("slurm", {}, ["srun has not started this process", "put srun before python"]),
        ("torchrun", SLURM, ["torchrun has not started this process"]),
        ("slurm", TORCHRUN, ["torchrun has started this process; give trainer=torchrun"]),
        ("torchrun", TORCHRUN | {"WORLD_SIZE": "3"}, ["2 of 3 processes on 2 nodes", "the same --nproc-per-node"]),
        ("slurm", SLURM | {"SLURM_STEP_ID": None}, ["put srun before python in the script for sbatch"]),
        (
            "slurm",
            SLURM | {"SLURM_NTASKS_PER_NODE": None},
            ["4 tasks on 2 nodes with --ntasks-per-node=(not"],
        ),
        ("slurm", SLURM | {"SLURM_NTASKS": "3"}, ["3 tasks on 2 nodes with --ntasks-per-node=2"]),
        ("slurm", SLURM | {"SLURM_JOB_NAME": "interactive"}, ["named interactive", "srun --job-name=train"]),
    ],
)
def test_variables_that_are_missing_or_disagree_are_refused_in_one_line(
    launcher: str, started: dict[str, str | None], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_by(monkeypatch, {}, **started)
    with pytest.raises(UserError) as refused:
        check(compose_config([f"trainer={launcher}"]))
    message = str(refused.value)
    assert message.startswith(f"trainer={launcher}: ")
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_whoever_reads_the_number_of_devices_is_told_the_same_line() -> None:
    trainer = compose_config(["trainer=slurm"]).trainer
    with pytest.raises(Exception, match="srun has not started") as wrapped:
        check_sweep(trainer, "hydra._internal.BasicLauncher")
    assert one_line(wrapped.value).startswith("trainer=slurm: srun has not started this process; put srun")
    check_sweep(trainer, "hydra_plugins.hydra_submitit_launcher.SlurmLauncher")  # each run asks in its own job


@pytest.mark.parametrize("launcher", BOTH)
def test_other_processes_than_the_trainer_counts_on_are_refused(
    launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_by(monkeypatch, BOTH[launcher])
    with pytest.raises(UserError) as refused:  # each would train alone, all into one folder
        build_run(compose_config(tiny(tmp_path)))
    assert str(refused.value) == (
        f"trainer.devices=1 trainer.num_nodes=1: {launcher} has started other processes, 2 on each of 2 nodes; "
        f"give trainer={launcher} and neither of the two"
    )
    check_launched(2, 2)


def test_a_shell_of_a_cluster_is_no_launcher() -> None:
    assert launcher_of({}) is None
    assert launcher_of({"SLURM_JOB_ID": "1", "SLURM_NTASKS": "4"}) is None  # the script of sbatch itself
    assert launcher_of(SLURM | {"SLURM_JOB_NAME": "bash"}) is None
    assert launcher_of(SLURM | TORCHRUN) == "torchrun"  # srun torchrun …


def test_the_printed_command_starts_as_many_processes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = Launch(arguments=("trainer=torchrun", "ckpt_path=auto"))
    monkeypatch.setattr("esrgan_train.commands.interpreter", lambda: "python")
    monkeypatch.delenv("ESRGAN_TRAIN_ARCHS", raising=False)
    end = "-m esrgan_train trainer=torchrun run_dir=runs/mine ckpt_path=last"
    assert launch.resume_command("runs/mine") == f"python {end}"
    start_by(monkeypatch, SLURM)
    assert launch.resume_command("runs/mine") == f"srun --nodes=2 --ntasks-per-node=2 python {end}"
    start_by(monkeypatch, TORCHRUN)
    among = "--nnodes=2 --node-rank=N --master-addr=127.0.0.1 --master-port=29500 --nproc-per-node=2"
    assert launch.resume_command("runs/mine") == f"python -m torch.distributed.run {among} {end}"
    start_by(monkeypatch, TORCHRUN, WORLD_SIZE="2", GROUP_WORLD_SIZE="1")
    alone = "python -m torch.distributed.run --standalone --nproc-per-node=2"
    assert launch.resume_command("runs/mine") == f"{alone} {end}"


def test_a_trial_of_one_process_needs_no_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = compose_config(tiny(tmp_path, "trainer=torchrun"))
    with monkeypatch.context() as started:
        start_by(started, TORCHRUN)
        trial = trial_of(cfg, str(tmp_path), "pixel", validates=False)
    assert "TORCHELASTIC_RUN_ID" not in os.environ
    assert OmegaConf.to_container(trial, resolve=True)["trainer"]["devices"] == 1  # type: ignore[call-overload,index]
    assert build_trainer(trial).world_size == 1


def test_the_command_line_says_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from esrgan_train.__main__ import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(sys, "argv", ["esrgan_train", "trainer=torchrun"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: trainer=torchrun: torchrun has not started this process; type torchrun ")
    assert list(tmp_path.iterdir()) == []
