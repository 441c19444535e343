"""torchrun's processes when one of them is killed, or a node no longer answers; and what the run is after that."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esrgan_train.lost_process import SECONDS
from tests.test_processes import (
    ONE,
    RUN,
    TRAIN,
    assert_same_weights,
    finish,
    free_port,
    load,
    start,
    torchrun,
)
from tests.test_signals import wait_for_training
from tests.tiny import tiny

pytestmark = pytest.mark.run

ALONE = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
MODULE = ["-m", "esrgan_train"]
COURSE = (*RUN, "recipe.val_check_interval=2", "ckpt_path=auto")
HALF = "recipe.batch_size=2"  # of each of two processes, or of each of two parts
LOST = "error: another process of this run has ended or does not answer, so this one cannot continue ("
# The second process comes to its end in the forward pass of the third iteration: the run has saved after two.
ENDING = """
import os, signal, torch
from pathlib import Path
class Ending(torch.nn.L1Loss):
    def forward(self, sr, target):
        saved, ended = Path("run/checkpoints/last.ckpt").exists(), Path("ended")
        if saved and not ended.exists() and os.environ.get("RANK") == "1":
            ended.write_text(f"{os.getpid()} {os.getppid()}")
            END
        return super().forward(sr, target)
"""
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
STOP = "[os.kill(pid, signal.SIGSTOP) for pid in (os.getppid(), os.getpid())]"
SHORT = "import esrgan_train.processes, esrgan_train.training.strategy, datetime\n" + "".join(
    f"esrgan_train.{module}.TIMEOUT = datetime.timedelta(seconds=20)\n"
    for module in ("processes", "training.strategy")
)


def write(folder: Path, end: str, *, before: str = "") -> str:
    """The file of a loss with that end; the option that takes it."""
    (folder / "ending.py").write_text(before + ENDING.replace("END", end), encoding="utf-8")
    return "loss.pixel.function._target_=ending.Ending"


def wait_for_the_end_of_one(folder: Path, process: subprocess.Popen[str]) -> None:
    while not (folder / "ended").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(start(folder, TRAIN, *tiny(folder / "run", *COURSE, *ONE)))
    return folder / "run"


@pytest.mark.slow
def test_when_one_is_killed_the_others_end_and_any_number_of_them_resumes(
    tmp_path: Path, undisturbed: Path
) -> None:
    options = (*COURSE, HALF, write(tmp_path, KILL))
    overrides = tiny(Path("run"), *options, "trainer=torchrun")
    process = start(tmp_path, [*ALONE, *MODULE], *overrides)
    wait_for_the_end_of_one(tmp_path, process)
    _, err = finish(process, status=1)
    assert err.count(LOST) == 1
    assert f"ending, in {SECONDS:.0f} seconds at the latest" in err
    again = (
        r"error: the run has ended; resume with: \S+ -m torch\.distributed\.run --standalone --nproc-per-node=2 "
    )
    assert re.search(rf"^{again}-m esrgan_train .* run_dir=run ckpt_path=last$", err, re.MULTILINE)
    assert load(tmp_path / "run")["global_step"] == 2
    shutil.copytree(tmp_path / "run", tmp_path / "fewer")

    out, _ = finish(start(tmp_path, [*ALONE, *MODULE], *overrides))
    assert "after 2 iterations" in out
    assert_same_weights(tmp_path / "run", undisturbed)

    out, _ = finish(start(tmp_path, TRAIN, *tiny(Path("fewer"), *options, "training.accumulate=2")))
    assert "after 2 iterations" in out
    assert "not as it would have" not in out  # the whole batch is the same
    assert_same_weights(tmp_path / "fewer", undisturbed)


@pytest.mark.tools
def test_torchrun_starts_all_again_where_it_may(tmp_path: Path, undisturbed: Path) -> None:
    overrides = tiny(Path("run"), *COURSE, HALF, "trainer=torchrun", write(tmp_path, KILL))
    out, err = finish(start(tmp_path, [*ALONE, "--max-restarts=1", *MODULE], *overrides))
    assert err.count(LOST) == 1
    assert "after 2 iterations" in out
    assert_same_weights(tmp_path / "run", undisturbed)


@pytest.mark.tools
def test_a_node_that_no_longer_answers_is_given_up_in_the_stated_time(tmp_path: Path) -> None:
    """Its processes are stopped: their connections stay open, as they do when a machine or the network is gone."""
    port = free_port()
    loss = write(tmp_path, STOP, before=SHORT)
    overrides = tiny(Path("run"), *COURSE, HALF, "trainer=torchrun", loss)
    nodes = [start(tmp_path, torchrun(node, port), *overrides) for node in range(2)]
    wait_for_the_end_of_one(tmp_path, nodes[0])
    try:
        _, err = nodes[0].communicate(timeout=20 + SECONDS)
    finally:
        for pid in (tmp_path / "ended").read_text(encoding="utf-8").split():
            os.kill(int(pid), signal.SIGKILL)
        nodes[1].communicate()
    assert nodes[0].returncode == 1, err
    assert err.count(f"{LOST}Timed out waiting 20000ms for ") == 1


@pytest.mark.tools
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 1), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_signal_to_torchrun_saves_and_the_printed_command_resumes(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    more = (
        "trainer.max_steps=2000",
        "recipe.start_step=3",
        "recipe.val_check_interval=100000",
        "trainer=torchrun",
    )
    process = start(tmp_path, [*ALONE, *MODULE], *tiny(Path("run"), *more))
    wait_for_training(tmp_path / "run")
    process.send_signal(number)
    _, err = finish(process, status)  # torchrun's own status, after its processes have ended
    done = load(tmp_path / "run")["global_step"]
    saved = re.findall(
        rf"^stopped by SIGTERM after {done} iterations; saved; resume with: (.*)$", err, re.MULTILINE
    )
    assert len({*saved}) == 1
    out, _ = finish(start(tmp_path, [*shlex.split(saved[0]), f"trainer.max_steps={done + 2}"]))
    assert f"after {done} iterations" in out
