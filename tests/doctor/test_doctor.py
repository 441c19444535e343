"""The command, from the words typed to the exit status."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from esrgan_train import space
from esrgan_train.doctor import rehearsal
from esrgan_train.doctor.__main__ import main
from esrgan_train.errors import UserError
from tests.doctor.planted import everything_below, options, pairs, photo, photos, save, truncate

pytestmark = pytest.mark.run


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos for training and for validation."""
    photos(tmp_path / "photos", *range(6))
    photos(tmp_path / "held_out", 20, 21)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def line_of(check: str, lines: list[str]) -> str:
    (line,) = (line for line in lines if line[2:].startswith(f"{check} "))
    return line


def test_a_sound_run_is_well_and_nothing_is_written(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything_below(sound)
    assert main(options(sound)) == 0
    lines = told(capsys)
    checks = ["options", "data", "networks", "disk", "photos", "held out", "windows", "scales", "overlap"]
    lines = [line for line in lines if not line.startswith(" ")]
    assert [line[2:].split("  ")[0] for line in lines[:-1]] == [*checks, "memory", "loader", "length"]
    signs = {line[2:].split("  ")[0]: line[0] for line in lines[:-1]}
    del signs["loader"]  # which depends on what else this machine does
    assert set(signs.values()) <= {"✓", "o"}
    assert lines[-1].startswith("no problem, ")
    assert everything_below(sound) == before


def test_quick_neither_trains_nor_times(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*options(sound), "--quick"]) == 0
    assert not [line for line in told(capsys) if line[2:].startswith(("memory", "loader", "length"))]


def test_every_fault_is_found_in_one_go(
    sound: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    truncate(sound / "photos" / "03.png")
    save(photo(1), sound / "held_out" / "copy.png")
    monkeypatch.setattr(rehearsal, "available_memory", lambda: 0)

    class Usage(NamedTuple):
        free: int = 1000

    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: Usage())
    before = everything_below(sound)
    assert main(options(sound, "data.batch_size=16")) == 2
    lines = told(capsys)
    assert "cannot be used" in line_of("photos", lines)
    assert any("03.png cannot be read" in line for line in lines)
    assert any("copy.png looks like" in line for line in lines)
    assert "free in" in line_of("disk", lines)
    assert "data.batch_size=16" in line_of("memory", lines)
    assert lines[-1].startswith("4 problems, after ")
    assert everything_below(sound) == before


def test_a_wrong_option_is_told_once_and_the_photos_are_still_examined(
    sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options(sound), "data.gt_size=33", "--quick"]) == 2
    lines = told(capsys)
    assert len([line for line in lines if "data.gt_size=33" in line]) == 1
    assert "all 6 training photos" in line_of("photos", lines)


def test_words_that_cannot_be_composed_are_refused_as_by_training(sound: Path) -> None:
    with pytest.raises(UserError, match=r"did you mean data\.batch_size"):
        main([*options(sound), "data.batchsize=3"])
    with pytest.raises(UserError, match=r"give data\.batch_size=3"):
        main([*options(sound), "--data.batch_size", "3"])


def test_missing_folders_and_weights_are_problems(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = (f"data.train_dir={sound / 'nowhere'}", "init_from=nowhere.pth")
    assert main([*options(sound), *wrong]) == 2
    lines = told(capsys)
    assert "nowhere does not exist" in line_of("photos", lines)
    assert "init_from=nowhere.pth" in line_of("networks", lines)
    assert "not rehearsed" in line_of("memory", lines)


def test_pairs_of_a_wrong_scale_do_not_hide_what_else_is_wrong(
    sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hr, lr = pairs(sound, *range(6))
    save(photo(2)[::2, ::2], lr, "02.png")
    save(photo(30)[::4, ::4], lr, "04.png")
    paired = [o for o in options(sound) if not o.startswith(("data.", "data="))]
    data = ["data=paired", f"data.train_dir={hr}", f"data.train_lr_dir={lr}", "data.max_val_photos=1"]
    assert main([*data, *paired, "data.num_workers=0", "--quick"]) == 2
    lines = told(capsys)
    assert any("02.png is 200 × 160, but upscale=4 times" in line for line in lines)
    assert any("04.png: phase correlation" in line for line in lines)


def start(*words: str, folder: Path) -> subprocess.Popen[str]:
    """The command in a group of its own that hears Control-C, which a shell's job in the background ignores."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "esrgan_train.doctor", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    alone = {"start_new_session": True, "preexec_fn": heard}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, **alone, **pipes)


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(len(getattr(os, "sched_getaffinity", lambda _: [0])(0)) < 2, reason="one core has no workers")
def test_control_c_ends_at_once_and_leaves_no_worker(sound: Path) -> None:
    big = save(photo(40, 3000, 4000), sound / "photos" / "big.png")
    for number in range(40):
        shutil.copyfile(big, sound / "photos" / f"big_{number}.png")
    process = start(*options(sound), folder=sound)
    assert process.stdout is not None
    while "disk" not in process.stdout.readline():  # after which the photos are decoded
        assert process.poll() is None
    deadline = time.monotonic() + 60
    while not (workers := children_of(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert err == "stopped by SIGINT; nothing was written\n"
    assert workers
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
