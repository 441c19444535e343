"""Disk, weights and login."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import wandb

from esrgan_train.config import compose_config
from esrgan_train.doctor import weights
from esrgan_train.doctor.finding import Finding, carried_out
from esrgan_train.doctor.login import login_check
from esrgan_train.doctor.weights import weights_check, without_fetching
from tests.doctor.planted import everything_below

FEATURES = ("loss.perceptual.weight=1", "loss.perceptual.features=imagenet")


def findings(check: object, *overrides: str) -> list[Finding]:
    cfg = compose_config(["data=sample", *overrides])
    return list(carried_out("check", lambda: check(cfg)))  # type: ignore[operator]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(_: str) -> None:
        raise URLError("no network")

    monkeypatch.setattr(weights, "look_for", no_network)


@pytest.mark.usefixtures("offline")
def test_weights_that_cannot_be_had_are_a_problem(hub: Path) -> None:
    (vgg,) = findings(weights_check, *FEATURES, "callbacks.lpips.use=false")
    assert vgg.status == "problem"
    assert vgg.what.startswith("loss.perceptual.features=imagenet: https://")
    assert "loss.perceptual.features=random" in vgg.what
    assert str(hub) in vgg.what
    (lpips,) = findings(weights_check, "callbacks.lpips.use=true")
    assert lpips.status == "problem"
    assert "callbacks.lpips.use=false" in lpips.what
    assert not hub.exists()


def test_weights_that_can_be_fetched_are_a_note(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(weights, "look_for", asked.append)
    (vgg,) = findings(weights_check, *FEATURES, "callbacks.lpips.use=false")
    assert vgg.status == "note"
    assert "548 MB" in vgg.what
    assert len(asked) == 1
    assert not hub.exists()
    cfg = compose_config([*FEATURES, "callbacks.lpips.use=true"])
    for_rehearsal = without_fetching(cfg)
    assert for_rehearsal.loss.perceptual.function.features == "random"
    assert for_rehearsal.callbacks.lpips.use is False
    assert cfg.loss.perceptual.function.features == "imagenet"


def test_weights_that_are_here_are_well(hub: Path) -> None:
    hub.mkdir(parents=True)
    for name in ("vgg19-dcbb9e9d.pth", "alexnet-owt-7be5be79.pth"):
        (hub / name).touch()
    assert [each.status for each in findings(weights_check, *FEATURES)] == ["ok", "ok"]
    assert without_fetching(compose_config([*FEATURES])).loss.perceptual.function.features == "imagenet"


@pytest.mark.usefixtures("hub")
def test_lpips_left_out_is_a_note() -> None:
    (found,) = findings(weights_check)
    assert (found.status, "callbacks.lpips.use=true" in found.remedy) == ("note", True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nobody is logged in."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_SILENT", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, "")  # so that what is set is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / ".config"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.chdir(tmp_path)
    wandb.teardown()
    return tmp_path


KEY = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.run
def test_an_online_run_without_a_login_is_a_problem(home: Path) -> None:
    before = everything_below(home)
    (found,) = findings(login_check, "logger=wandb", "logger.wandb.mode=online")
    assert found.status == "problem"
    for way_out in ("wandb login", "WANDB_API_KEY", "logger.wandb.mode=offline"):
        assert way_out in found.remedy
    assert everything_below(home) == before


@pytest.mark.run
@pytest.mark.usefixtures("home")
def test_by_default_a_run_without_a_login_is_kept_offline() -> None:
    (found,) = findings(login_check, "logger=wandb")
    assert (found.status, "kept offline" in found.what) == ("note", True)


@pytest.mark.run
@pytest.mark.parametrize("place", ["variable", "netrc"])
def test_a_key_is_found_and_not_shown(
    place: str, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if place == "variable":
        monkeypatch.setenv("WANDB_API_KEY", KEY)
    else:
        (home / "netrc").write_text(f"machine api.wandb.ai\n  login user\n  password {KEY}\n")
        (home / "netrc").chmod(0o600)
    before = everything_below(home)
    (found,) = findings(login_check, "logger=wandb", "logger.wandb.mode=online")
    assert found.status == "ok"
    told = capfd.readouterr()
    assert KEY[:10] not in f"{found}{told.out}{told.err}"
    assert everything_below(home) == before


@pytest.mark.parametrize("overrides", [("logger.wandb.mode=offline",), ("logger.wandb.mode=disabled",)])
def test_a_run_that_shall_not_be_online_needs_no_login(overrides: tuple[str, ...]) -> None:
    (found,) = findings(login_check, "logger=wandb", *overrides)
    assert found.status == "ok"


def test_the_environment_decides_where_the_option_leaves_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert [each.status for each in findings(login_check, "logger=wandb")] == ["ok"]


def test_without_the_logger_nothing_is_said() -> None:
    assert findings(login_check, "logger=csv") == []
