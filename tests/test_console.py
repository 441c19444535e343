"""The console script starts the same modules as ``python -m``, with the same words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from esrgan_train import commands
from esrgan_train.console import COMMANDS, chosen, overview
from esrgan_train.errors import UserError
from esrgan_train.preview_data import main as preview
from tests.test_help import STARTED
from tests.tiny import tiny

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
# A script's first entry of sys.path is its own folder, not the current one.
SCRIPT = "import sys; sys.path.pop(0); from esrgan_train.console import main; sys.argv[0] = 'esrgan-train'; main()"


def script(*words: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """What the entry point that pip writes does, on a system whose script is no Python file."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *words],
        cwd=cwd, env={**ENVIRONMENT, **settings}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_every_module_that_can_be_started_has_one_command_of_its_name():
    assert {command.module for command in COMMANDS.values()} == set(STARTED)  # COMMANDS takes one line for each
    for name, command in COMMANDS.items():
        if name != "train":
            assert command.module == f"esrgan_train.{name.replace('-', '_')}"


@pytest.mark.parametrize(
    ("words", "module", "rest"),
    [
        ([], "esrgan_train", []),
        (["experiment=x4_prelu"], "esrgan_train", ["experiment=x4_prelu"]),
        (["-m", "seed=1,2"], "esrgan_train", ["-m", "seed=1,2"]),
        (["~loss.perceptual"], "esrgan_train", ["~loss.perceptual"]),
        (["+x=1", "upscale=2"], "esrgan_train", ["+x=1", "upscale=2"]),
        (["train", "upscale=2"], "esrgan_train", ["upscale=2"]),
        (["upscale=2"], "esrgan_train", ["upscale=2"]),
        (["upscale", "a.png", "-o", "b"], "esrgan_train.upscale", ["a.png", "-o", "b"]),
        (["preview-data", "upscale=2"], "esrgan_train.preview_data", ["upscale=2"]),
        (["preview_data"], "esrgan_train.preview_data", []),
        (["gpu-check", "--help"], "esrgan_train.gpu_check", ["--help"]),
    ],
)
def test_the_first_word_chooses_and_others_are_handed_on(words: list[str], module: str, rest: list[str]):
    assert chosen(words) == (module, rest)


@pytest.mark.parametrize(
    ("word", "told"),
    [("upscael", "did you mean upscale"), ("x4_prelu", "choose from train, doctor"), ("a.png", "choose")],
)
def test_another_word_is_refused_with_what_to_type(word: str, told: str):
    with pytest.raises(UserError, match=told):
        chosen([word])


def test_the_overview_has_a_line_for_each_command():
    assert [line.split()[1] for line in overview().splitlines()[1:]] == list(COMMANDS)


@pytest.fixture
def started_by_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "_started_by_script", True)


@pytest.mark.parametrize(("name", "module"), [(name, each.module) for name, each in COMMANDS.items()])
def test_usage_says_how_a_command_was_started(name: str, module: str, monkeypatch: pytest.MonkeyPatch):
    assert commands.program(module) == f"python -m {module}"
    monkeypatch.setattr(commands, "_started_by_script", True)
    assert commands.program(module) == ("esrgan-train" if name == "train" else f"esrgan-train {name}")


@pytest.mark.usefixtures("started_by_script")
def test_help_of_a_command_names_the_script(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        preview(["--help"])
    told = capsys.readouterr().out
    assert told.startswith("usage: esrgan-train preview-data ")
    assert "esrgan-train --help lists options" in told
    assert "python -m" not in told


@pytest.mark.usefixtures("started_by_script")
def test_a_command_to_paste_names_a_script_that_a_shell_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ESRGAN_TRAIN_ARCHS", raising=False)
    beside = Path(sys.executable).parent / "esrgan-train"
    monkeypatch.setattr("shutil.which", lambda name: str(beside) if name == "esrgan-train" else None)
    assert commands.command("esrgan_train", "ckpt_path=last") == "esrgan-train ckpt_path=last"
    assert commands.command("esrgan_train.preview_data", "a b") == "esrgan-train preview-data 'a b'"
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / name))  # of another environment
    assert commands.command("esrgan_train", "ckpt_path=last").endswith(" -m esrgan_train ckpt_path=last")


@pytest.mark.tools
def test_a_mistake_is_one_line_and_help_of_a_command_is_the_commands(tmp_path: Path):
    wrong = script("upscael", "a.png", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    missing = script("upscale", "a.png", "-o", "b", "--model", "m.pth", cwd=tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    told = script("--help", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Commands")
    assert "esrgan-train [experiment=NAME]" in told.stdout  # training's own help follows


OWN = """
class Flat:
    def __init__(self, *, warmup_steps: int) -> None:
        self.warmup_steps = warmup_steps

    def __call__(self, done: int, iterations: int) -> float:
        return 1.0
"""


@pytest.mark.tools
def test_two_processes_train_from_the_script_and_a_part_may_lie_in_the_current_folder(tmp_path: Path):
    """The second process is started as ``python -m``, since the script's own name may be no file."""
    (tmp_path / "mine.py").write_text(OWN)
    own = ["scheduler=constant", "scheduler._target_=mine.Flat"]
    words = tiny(Path("run"), "trainer.devices=2", "trainer.max_steps=2", *own)
    done = script("train", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert (tmp_path / "run" / "summary.json").is_file()
