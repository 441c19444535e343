"""Commands that are printed for pasting: a shell and this program's own reading bring back what they stand for."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from esrgan_train import replay, upscale
from esrgan_train.__main__ import main
from esrgan_train.announce import announce_end
from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE
from esrgan_train.callbacks.guard import Guard
from esrgan_train.commands import command, interpreter
from esrgan_train.launch import Launch

pytestmark = pytest.mark.run

NAMES = ["photos", "my photos (2024)", "it's été, #1", 'a "b"', "2024", "[a,b]", "x=1", "~", "$HOME", "a\\b"]


def words(line: str) -> tuple[dict[str, str], list[str]]:
    """What a shell makes of the line: the variables set before it, and the words."""
    parts = shlex.split(line)
    start = next(place for place, word in enumerate(parts) if "=" not in word)
    return dict(part.split("=", 1) for part in parts[:start]), parts[start:]


def linked(folder: Path, *names: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).symlink_to(sys.executable)
    return [folder / name for name in names]


def test_the_interpreter_is_python_only_where_a_shell_finds_this_one_by_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    here, version = linked(tmp_path / "mine/bin", "python", "python3.11")
    (other,) = linked(tmp_path / "other/bin", "python")
    monkeypatch.setattr(sys, "executable", str(version))
    monkeypatch.setenv("PATH", str(here.parent))
    assert interpreter() == "python"
    monkeypatch.setenv("PATH", str(other.parent))  # the same binary in another environment
    assert interpreter() == str(version)
    monkeypatch.chdir(tmp_path)
    assert interpreter() == "mine/bin/python3.11"
    monkeypatch.setenv("PATH", "")
    assert shutil.which("python") is None
    assert interpreter() == "mine/bin/python3.11"


@pytest.mark.parametrize("name", NAMES)
def test_arguments_and_the_folders_of_networks_pass_through_a_shell(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, f"{name}{os.pathsep}more")
    variables, (python, *rest) = words(command("esrgan_train.replay", Path(name), 3))
    assert variables == {ENVIRONMENT_VARIABLE: f"{name}{os.pathsep}more"}
    assert shutil.which(python) is not None
    assert rest == ["-m", "esrgan_train.replay", name, "3"]
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert words(command("esrgan_train.replay"))[0] == {}


@pytest.mark.parametrize("name", NAMES)
def test_the_command_to_use_a_model_names_the_model(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name / "model").mkdir(parents=True)
    (tmp_path / name / "model" / "x4_prelu.pth").touch()
    trainer: Any = SimpleNamespace(callbacks=[])
    with caplog.at_level(logging.INFO):
        announce_end(trainer, Path(name), "x4_prelu")
    (line,) = [message for message in caplog.messages if message.startswith("use it")]
    _, (*_, module, photo, dash_o, out, dash, model) = words(line.removeprefix("use it").strip())
    assert module == "esrgan_train.upscale"
    options = upscale._parser().parse_args([photo, dash_o, out, dash, model])
    assert options.model == Path(name) / "model" / "x4_prelu.pth"


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_shows_skipped_samples_names_the_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.chdir(tmp_path)
    trainer: Any = SimpleNamespace(is_global_zero=True)
    module: Any = SimpleNamespace(step=SimpleNamespace(seed=0))
    guard = Guard(run_dir=name, max_in_row=5)
    guard.report(trainer, module, 7, torch.tensor([9, 8]), {"pixel": torch.tensor(float("nan"))})
    (line,) = caplog.messages
    _, (*_, module, run, first, second) = words(line.partition("its samples: ")[2])
    assert module == "esrgan_train.replay"
    options = replay._parser().parse_args([run, first, second])
    assert (options.run, options.samples) == (Path(name), [8, 9])


# resuming


Run = Callable[..., list[tuple[dict[str, Any], str]]]

ARCH = """
from torch import nn
from esrgan_train.archs import generator

@generator("tiny_of_mine")
class Tiny(nn.Module):
    def __init__(self, width: int = 16, upscale: int = 4) -> None:
        super().__init__()
"""
EXPERIMENT = "# @package _global_\ndefaults:\n  - override /generator: tiny_of_mine\nupscale: 2\n"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """The command line in this process, up to the training: each job's configuration, and how to resume it."""
    for folder in ("my archs", "my cönf, #1/experiment"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "my archs" / "tiny_arch.py").write_text(ARCH)
    (tmp_path / "my cönf, #1" / "experiment" / "x2_mine.yaml").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "my archs")
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments: str) -> list[tuple[dict[str, Any], str]]:
        found: list[tuple[dict[str, Any], str]] = []

        def train(cfg: DictConfig, *, launch: Launch) -> None:
            cfg.run_dir = cfg.run_dir or f"runs/{len(found)} été"
            settings = OmegaConf.to_container(cfg, resolve=False)
            assert isinstance(settings, dict)
            settings = {str(k): v for k, v in settings.items() if k != "experiment"}
            found.append((settings, launch.resume_command(cfg.run_dir)))

        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", ["esrgan_train", *arguments])
        monkeypatch.setattr("esrgan_train.__main__.train", train)
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0
        return found

    return run


def check_resuming(found: list[tuple[dict[str, Any], str]], run: Run) -> None:
    """Paste each command: the same configuration again, and the checkpoint asked for."""
    for settings, line in found:
        variables, (_, dash_m, module, *arguments) = words(line)
        assert variables == {ENVIRONMENT_VARIABLE: "my archs"}
        assert (dash_m, module) == ("-m", "esrgan_train")
        ((again, same_line),) = run(*arguments)
        assert again == {**settings, "ckpt_path": "last"}
        assert same_line == line


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    [("hydra.searchpath=['file://my cönf, #1']",), ("--config-dir", "my cönf, #1")],
    ids=["searchpath", "flag"],
)
def test_the_command_that_resumes_is_read_as_the_first_one_was(flags: tuple[str, ...], run: Run):
    photos = ("data=folder", "data.train_dir={2024: 1, it's (é): 3}", "init_from=~/m, 1.pth", "ckpt_path=auto")
    found = run("experiment=x2_mine", *flags, *photos, "run_dir=my runs/été, #1", 'trainer.max_time="00:00:01:00"')
    assert found[0][0]["upscale"] == 2
    assert found[0][0]["run_dir"] == "my runs/été, #1"
    check_resuming(found, run)


@pytest.mark.slow
def test_each_job_of_a_sweep_resumes_by_itself(run: Run):
    several = ("data.train_dir=a b,été", "generator.num_feat=8,16")
    found = run("-m", "data=folder", *several, "hydra.sweep.dir=my sweep")
    assert [(s["data"]["train_dir"], s["generator"]["num_feat"]) for s, _ in found] == [
        ("a b", 8),
        ("a b", 16),
        ("été", 8),
        ("été", 16),
    ]
    check_resuming(found[1:3], run)


@pytest.mark.slow
def test_a_job_of_a_grid_resumes_without_the_grid(run: Run):
    found = run("hparams_search=grid", "hydra.sweep.dir=my sweep")
    assert len(found) == 4
    settings, line = found[3]
    _, (_, _, _, *arguments) = words(line)
    ((again, _),) = run(*arguments)
    assert again["generator"] == settings["generator"]
    assert again["run_dir"] == settings["run_dir"]
