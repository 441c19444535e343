"""``train`` and ``check`` are functions of the configuration: they leave it, and what Hydra holds, as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

import esrgan_train
from esrgan_train.config import check, compose_config, compose_with_hydra
from esrgan_train.errors import UserError
from esrgan_train.launch import Launch
from esrgan_train.runs.place import resolve_run_dir
from esrgan_train.train import train
from tests.tiny import tiny

SHORT = ("trainer.max_steps=1", "trainer.limit_val_batches=1", "recipe.val_check_interval=1")


def raw(cfg: DictConfig) -> Any:
    return OmegaConf.to_container(cfg, resolve=False)


@pytest.mark.slow
@pytest.mark.run
def test_runs_of_different_configurations_follow_each_other_in_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = [o for o in tiny(Path("unused"), *SHORT) if not o.startswith("run_dir=")]
    cfgs = [compose_config([f"experiment={name}", *overrides]) for name in ("x4_net", "x2_relu")]
    before = [raw(cfg) for cfg in cfgs]
    train(cfgs[0])
    compose_config(["experiment=x3_prelu"])
    train(cfgs[1])
    train(cfgs[0])
    assert [raw(cfg) for cfg in cfgs] == before
    models = sorted(path.relative_to("runs").as_posix() for path in Path("runs").rglob("*.pth"))
    assert [(model.split("/")[0], model.split("/")[-1]) for model in models] == [
        ("x2_relu", "x2_relu.pth"),
        ("x4_net", "x4_net.pth"),
        ("x4_net", "x4_net.pth"),
    ]
    assert len({model.split("/")[1] for model in models if model.startswith("x4_net")}) == 2


@pytest.mark.run
def test_a_configuration_that_must_not_change_trains(tmp_path: Path) -> None:
    cfg = compose_config(tiny(tmp_path / "run", *SHORT))
    OmegaConf.set_readonly(cfg, True)
    train(cfg)
    assert (tmp_path / "run" / "summary.json").is_file()


def test_checking_changes_nothing() -> None:
    cfg = compose_config([])
    cfg.generator = OmegaConf.create({"_target_": "esrgan_train.archs.srvgg_arch.SRVGGNetCompact"})
    before = raw(cfg)
    check(cfg)
    assert raw(cfg) == before
    cfg.seed = -1
    with pytest.raises(UserError, match="seed=-1"):
        check(cfg)


def test_composing_leaves_hydra_as_it_is_and_names_the_experiment() -> None:
    held = HydraConfig.instance().cfg
    cfg = compose_config(["experiment=x2_relu", "run_dir=mine/${hydra:runtime.choices.generator}"])
    assert HydraConfig.instance().cfg is held
    assert "hydra" not in cfg
    assert (cfg.experiment, cfg.run_dir) == ("x2_relu", "mine/srvgg")


def test_only_the_command_asks_hydra_what_it_runs() -> None:
    package = Path(esrgan_train.__file__).parent
    asking = [path for path in package.rglob("*.py") if "HydraConfig" in path.read_text()]
    assert [path.name for path in asking] == ["__main__.py"]


# how a run was started


def test_a_run_of_python_is_resumed_in_python(tmp_path: Path) -> None:
    launch = Launch()
    assert launch.restart_command() == "train(cfg)"
    namespace: dict[str, Any] = {"cfg": OmegaConf.create(), "train": lambda _: None}
    exec(launch.resume_command(str(tmp_path)), namespace)
    assert namespace["cfg"] == {"run_dir": str(tmp_path), "ckpt_path": "last"}


@pytest.mark.run
def test_words_of_the_command_line_are_looked_through_for_options_without_effect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = ["experiment=x4_net", "optimizer.lr=1e-3"]
    train(compose_config([*words, *tiny(tmp_path / "run", *SHORT)]), launch=Launch(arguments=tuple(words)))
    assert "optimizer.lr=1e-3 has no effect" in caplog.text


def test_a_single_run_has_no_folder_of_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, node = compose_with_hydra(["hydra.mode=RUN"])
    assert Launch.of(node).job_dir is None
    job = Path("sweep/3")
    where = {"experiment": "x", "run_dir": None, "ckpt_path": None, "job_dir": job}
    assert resolve_run_dir(**where).run_dir == job
    assert resolve_run_dir(**{**where, "slurm_job": "7"}).run_dir == Path("runs/x/slurm_7")
    assert resolve_run_dir(**{**where, "run_dir": "mine"}).run_dir == Path("mine")
