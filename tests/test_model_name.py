"""A model is called by what was trained, and the runs of a sweep lie together."""

from __future__ import annotations

import json
import logging
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig

from esrgan_train.__main__ import main
from esrgan_train.compare import __main__ as compare
from esrgan_train.config import check, compose_config, model_name
from esrgan_train.errors import UserError
from esrgan_train.export.source import file_name
from esrgan_train.launch import Launch
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.runs.place import resolve_run_dir
from tests.tiny import OVERRIDES

RIGHT_EVERYWHERE = re.compile(r'[^<>:"/\\|?*\x00-\x1f]*[^<>:"/\\|?*\x00-\x1f .]')  # Windows refuses the others


@pytest.mark.run
@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "x4_prelu"),
        (["upscale=3", "generator.num_feat=24"], "x3_prelu"),
        (["experiment=x2_relu", "upscale=1"], "x1_relu"),
        (["generator.act_type=leakyrelu"], "x4_leakyrelu"),
        (["experiment=x3_relu", "generator.act_type=prelu", "upscale=2"], "x2_prelu"),
        (["generator=ultracompact"], "x4_ultracompact"),
        (["experiment=x4_general", "generator=srvgg"], "x4_prelu"),
        (["experiment=x4_superultracompact", "upscale=2"], "x2_superultracompact"),
        (["experiment=x4_rrdb", "upscale=2"], "x2_rrdb"),
        (["experiment=x4_prelu", "generator=rrdb"], "x4_rrdb"),
        (["experiment=x4_net", "upscale=2"], "x2_net"),
        (["experiment=finetune", "upscale=2"], "finetune"),
        (["upscale=2", "model_name=my été model"], "my été model"),
    ],
)
def test_the_name_follows_what_is_trained(overrides: list[str], name: str):
    cfg = compose_config(overrides)
    check(cfg)
    assert cfg.model_name == cfg.callbacks.checkpoints.name == cfg.callbacks.summary.name == name


def test_it_follows_changes_after_composing():
    cfg, other = compose_config([]), compose_config(["experiment=x2_relu", "generator=rrdb"])
    cfg.upscale, cfg.generator.act_type = 3, "relu"
    assert (cfg.model_name, other.model_name) == ("x3_relu", "x2_rrdb")


def test_names_that_claim_nothing_stay():
    for experiment, name in {"scans": "scans", "x4_scans": "x3_scans", "mine/x4_general": "x3_rrdb"}.items():
        assert model_name(experiment, "rrdb", 3, None) == name


def test_a_name_is_no_path():
    with pytest.raises(UserError, match="model_name=a/b: give a file name"):
        check(compose_config(["model_name=a/b"]))


# runs


Command = Callable[..., None]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments: str) -> None:
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
        monkeypatch.setattr(sys, "argv", ["esrgan_train", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 0

    return run


@pytest.mark.slow
@pytest.mark.run
def test_a_sweep_s_runs_lie_together_compare_and_resume(
    tmp_path: Path, command: Command, caplog: pytest.LogCaptureFixture
):
    short = ("recipe.max_steps=2", "recipe.start_step=9", "trainer.val_check_interval=2", "recipe.gt_size=48")
    given = (*OVERRIDES, *short, "callbacks.lpips.use=false", "trainer.limit_val_batches=1", "data.gt_size=48")
    with caplog.at_level(logging.INFO):
        command("-m", *given, "upscale=2,3")
    (sweep,) = (tmp_path / "runs" / "sweeps").iterdir()
    assert [path.relative_to(tmp_path).as_posix() for path in (tmp_path / "runs").iterdir()] == ["runs/sweeps"]
    names = {job: [file.name for file in sorted((sweep / job / "model").iterdir())] for job in "01"}
    expected = {
        job: [f"x{n}_prelu{suffix}" for suffix in (".pth", ".safetensors")] for job, n in (("0", 2), ("1", 3))
    }
    assert names == {job: ["model.json", *files] for job, files in expected.items()}
    assert rebuild_generator(load_weights(sweep / "1" / "model" / "x3_prelu.pth")).upscale == 3
    assert json.loads((sweep / "1" / "summary.json").read_text())["model"] == "model/x3_prelu.pth"
    assert file_name(load_weights(sweep / "1" / "checkpoints" / "last.ckpt")) == "x3_prelu"
    assert all(RIGHT_EVERYWHERE.fullmatch(path.name) for path in tmp_path.rglob("*"))

    (line,) = [message for message in caplog.messages if message.startswith("compare them")]
    *_, module, folder = shlex.split(line)
    assert module == "esrgan_train.compare"
    assert compare.main([folder, "-o", "comparison"]) == 0
    table = (tmp_path / "comparison" / "comparison.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in table] == ["run", "0", "1"]

    command(*given, "upscale=3", "recipe.max_steps=3", f"run_dir={sweep / '1'}", "ckpt_path=last")
    assert json.loads((sweep / "1" / "summary.json").read_text())["iterations"] == 3
    assert sorted(path.name for path in sweep.iterdir()) == ["0", "1", "multirun.yaml"]


@pytest.mark.slow
@pytest.mark.run
def test_a_sweep_into_a_folder_of_another_leaves_its_runs_alone(tmp_path: Path, command: Command):
    (tmp_path / "mine" / "1").mkdir(parents=True)
    seen: list[str] = []

    def fake_train(_: DictConfig, *, launch: Launch) -> None:
        place = resolve_run_dir(experiment="x", run_dir=None, ckpt_path=None, job_dir=launch.job_dir)
        seen.append(str(place.run_dir))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("esrgan_train.__main__.train", fake_train)
        command("-m", "hydra.sweep.dir=mine", "seed=1,2")
    assert seen == ["mine/0", "mine/1_2"]
