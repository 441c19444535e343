"""The script of docs/slurm.md as it stands, with stand-ins for SLURM's programs."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrgan_train.lost_process import SECONDS
from esrgan_train.processes import TIMEOUT
from tests.test_processes import environment, load
from tests.test_signals import wait_for_training
from tests.tiny import OVERRIDES

DOCS = Path(__file__).parents[1] / "docs"
(SCRIPT,) = re.findall(r"```bash\n(#!/bin/bash\n.*?)```", (DOCS / "slurm.md").read_text("utf-8"), re.DOTALL)
# What SLURM tells the script of a job of two tasks on one node.
JOB = {
    **{"SLURM_JOB_ID": "4321", "SLURM_JOB_NAME": "upscaler", "SLURM_NODELIST": "127.0.0.1"},
    **{"SLURM_NNODES": "1", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"},
}
SCONTROL = "#!/bin/sh\necho $@ >> asked_of_scontrol\n"
SRUN = f"""#!{sys.executable}
import os, subprocess, sys
from pathlib import Path
command = sys.argv[1:]
while command[0].startswith("--"):
    command.pop(0)
tasks = [
    subprocess.Popen(command, env=os.environ | {{"SLURM_STEP_ID": "0", "SLURM_NODEID": "0"}} | dict.fromkeys(
        ("SLURM_PROCID", "SLURM_LOCALID"), str(number)
    ))
    for number in range(int(os.environ["SLURM_NTASKS"]))
]
Path("tasks").write_text(" ".join(str(task.pid) for task in tasks))
statuses = [task.wait() for task in tasks]
sys.exit(max(status if status >= 0 else 128 - status for status in statuses))
"""
SMALL = (*OVERRIDES, "recipe=demo", "recipe.start_step=3")
PYTHON = f"#!/bin/sh\nexec {shlex.quote(sys.executable)} $@ {' '.join(SMALL)} $COURSE\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    """A folder with the script, the programs that it starts, and photographs."""
    (tmp_path / "bin").mkdir()
    for name, text in {"scontrol": SCONTROL, "srun": SRUN, "python": PYTHON}.items():
        (tmp_path / "bin" / name).write_text(text, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "my" / "packed").mkdir(parents=True)
    for number in range(8):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "my" / "packed" / f"{number}.png")
    (tmp_path / "train.sh").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def submit(cluster: Path, **variables: str) -> subprocess.Popen[str]:
    path = f"{cluster}/bin{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "train.sh"],
        cwd=cluster,
        env={**environment(), **JOB, "PATH": path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def asked(cluster: Path) -> str:
    file = cluster / "asked_of_scontrol"
    return file.read_text(encoding="utf-8") if file.exists() else ""


@pytest.mark.parametrize(("status", "requeued"), [(0, False), (1, False), (2, False), (143, False), (138, True)])
def test_only_a_run_whose_time_is_up_is_requeued(cluster: Path, status: int, requeued: bool) -> None:
    (cluster / "bin" / "srun").write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
    job = submit(cluster)
    job.communicate(timeout=60)
    assert job.returncode == status  # which the job's state follows
    assert asked(cluster) == ("requeue 4321\n" if requeued else "")


@pytest.mark.slow
@pytest.mark.run
def test_a_job_saves_before_its_time_is_up_is_requeued_and_resumes(cluster: Path) -> None:
    job = submit(cluster, COURSE="trainer.max_steps=2000 recipe.val_check_interval=100000")
    wait_for_training(cluster / "runs" / "mine")
    for pid in (cluster / "tasks").read_text(encoding="utf-8").split():
        os.kill(int(pid), signal.SIGUSR1)  # as --signal=USR1@120 does: to the tasks, not to the script
    out, err = job.communicate(timeout=120)
    assert job.returncode == 128 + signal.SIGUSR1, out + err
    assert asked(cluster) == "requeue 4321\n"
    done = load(cluster / "runs" / "mine")["global_step"]
    assert out.count("generator     SRVGGNetCompact") == 1  # the tasks are one run
    assert "4 crops (2 processes × 2)" in out
    saved = f"stopped by SIGUSR1 after {done} iterations; saved; resume with: srun --nodes=1 --ntasks-per-node=2 "
    assert saved in err
    assert "Traceback" not in err

    job = submit(cluster, COURSE=f"trainer.max_steps={done + 2} recipe.val_check_interval=100000")
    out, err = job.communicate(timeout=240)
    assert job.returncode == 0, out + err
    assert f"after {done} iterations" in out
    assert asked(cluster) == "requeue 4321\n"  # once
    assert load(cluster / "runs" / "mine")["global_step"] == done + 2


def test_the_times_that_the_documentation_states_are_those_of_the_code() -> None:
    page = (DOCS / "clusters.md").read_text(encoding="utf-8")
    assert f"end within {SECONDS:.0f} seconds |" in page
    assert f"give it up after {TIMEOUT.seconds // 60} minutes without an answer" in page
