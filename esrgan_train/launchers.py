"""torchrun and SLURM: what their variables say of a run, what contradicts them, and how to start it again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

from esrgan_train.errors import UserError

_SHELLS = ("bash", "interactive")  # names of jobs that Lightning, too, takes for a person at a prompt


class Launched(NamedTuple):
    """The processes that a launcher has started, one for each device."""

    devices: int  # of each node
    num_nodes: int


def by_torchrun(variables: Mapping[str, str]) -> Launched:
    """What torchrun has started.

    Raises:
        UserError: it has not started this process, or not as many on every node.
    """
    if "TORCHELASTIC_RUN_ID" not in variables:
        raise UserError(
            "trainer=torchrun: torchrun has not started this process; type torchrun --standalone "
            "--nproc-per-node=2 -m esrgan_train trainer=torchrun …, or leave trainer=torchrun out"
        )
    here, nodes, all_ = (int(variables[name]) for name in ("LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "WORLD_SIZE"))
    if here * nodes != all_:
        raise UserError(
            f"trainer=torchrun: this node has {here} of {all_} processes on {nodes} nodes; "
            "give torchrun the same --nproc-per-node on every node"
        )
    return Launched(here, nodes)


def by_slurm(variables: Mapping[str, str]) -> Launched:
    """What ``srun`` has started.

    Raises:
        UserError: it has not started this process, or not one for each device of every node.
    """
    if "TORCHELASTIC_RUN_ID" in variables:
        raise UserError("trainer=slurm: torchrun has started this process; give trainer=torchrun")
    if "SLURM_STEP_ID" not in variables:
        raise UserError(
            "trainer=slurm: srun has not started this process; put srun before python in the script for sbatch, "
            "or leave trainer=slurm out"
        )
    if (name := variables.get("SLURM_JOB_NAME")) in _SHELLS:
        raise UserError(
            f"trainer=slurm: a job named {name} counts as a shell, whose processes are not joined to one run; "
            "give srun --job-name=train"
        )
    tasks, nodes = int(variables["SLURM_NTASKS"]), int(variables["SLURM_NNODES"])
    here = variables.get("SLURM_NTASKS_PER_NODE", "1" if tasks == 1 else "")
    if here != str(tasks // nodes) or tasks % nodes:
        raise UserError(
            f"trainer=slurm: {tasks} tasks on {nodes} nodes with --ntasks-per-node={here or '(not given)'}; "
            "ask sbatch for --nodes and, with --ntasks-per-node, one task for each GPU of a node, without --ntasks"
        )
    return Launched(int(here), nodes)


_LAUNCHERS: dict[str, Callable[[Mapping[str, str]], Launched]] = {"torchrun": by_torchrun, "slurm": by_slurm}


def launched(launcher: str, what: str) -> int:
    """The resolver of ``conf/trainer/``: ``devices`` or ``num_nodes`` of what that launcher has started."""
    return int(getattr(_LAUNCHERS[launcher](os.environ), what))


def in_slurm(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether ``srun`` or ``sbatch`` started this, rather than a person in a shell of the cluster."""
    return "SLURM_JOB_ID" in variables and variables.get("SLURM_JOB_NAME") not in _SHELLS


def launcher_of(variables: Mapping[str, str] = os.environ) -> str | None:
    """Which of them has started this process; torchrun where it was itself started by ``srun``."""
    if "TORCHELASTIC_RUN_ID" in variables:
        return "torchrun"
    return "slurm" if in_slurm(variables) and "SLURM_STEP_ID" in variables else None


def check_launched(devices: int, num_nodes: int, variables: Mapping[str, str] = os.environ) -> None:
    """``UserError`` if a launcher has started other processes than those that a trainer counts on.

    They would each train the whole run into one folder, or wait for others that never come.
    """
    launcher = launcher_of(variables)
    if launcher is None or (started := _LAUNCHERS[launcher](variables)) == (devices, num_nodes):
        return
    raise UserError(
        f"trainer.devices={devices} trainer.num_nodes={num_nodes}: {launcher} has started other processes, "
        f"{started.devices} on each of {started.num_nodes} nodes; give trainer={launcher} and neither of the two"
    )


def started_by_launcher(python: str, variables: Mapping[str, str] = os.environ) -> list[str] | None:
    """The words before ``-m esrgan_train`` that start the processes of this run again; None without a launcher."""
    launcher = launcher_of(variables)
    if launcher is None:
        return None
    devices, nodes = _LAUNCHERS[launcher](variables)
    if launcher == "slurm":
        return ["srun", f"--nodes={nodes}", f"--ntasks-per-node={devices}", python]
    place = ["--standalone"]
    if nodes > 1:  # the same line on each, but for N, its number from 0 on
        main = [f"--master-{name}={variables[f'MASTER_{name.upper()}']}" for name in ("addr", "port")]
        place = [f"--nnodes={nodes}", "--node-rank=N", *main]
    return [python, "-m", "torch.distributed.run", *place, f"--nproc-per-node={devices}"]
