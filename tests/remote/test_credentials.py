"""A run on a set behind an address with credentials leaves them nowhere."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from esrgan_train.checks.paths import for_hydra
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.runs.place import resolve_run_dir
from esrgan_train.train import train
from tests.data.small import split
from tests.remote.web import PASSWORD, SIGNATURE, serving
from tests.tiny import tiny

SECRETS = (PASSWORD, SIGNATURE)
OWN = ("data=folder", "data.val_fraction=0.2", "data.remote_patience=1", "loss.adversarial.start_step=2")


def options(run_dir: Path, url: str, *more: str) -> list[str]:
    return [for_hydra(each, sweep=False) for each in tiny(run_dir, *OWN, f"data.train_dir={url}", *more)]


@pytest.mark.slow
@pytest.mark.run
def test_a_run_writes_and_says_them_nowhere(
    packed_photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    run_dir = tmp_path / "run"
    with serving(packed_photos) as url, caplog.at_level(logging.INFO):
        train(compose_config(options(run_dir, url, "trainer.max_steps=4")))
        train(compose_config(options(run_dir, url, "trainer.max_steps=6", "ckpt_path=last")))
    written = [path for path in run_dir.rglob("*") if path.is_file()]
    assert {"config.yaml", "train.log", "summary.json", "last.ckpt"} <= {path.name for path in written}
    for path in written:
        assert not [path for secret in SECRETS if secret.encode() in path.read_bytes()]
    shown = url.partition("@")[2].partition("?")[0]
    assert f"train_dir: http://***@{shown}?***" in (run_dir / "config.yaml").read_text()
    assert f"http://***@{shown}?***" in (run_dir / "train.log").read_text()
    checkpoint = torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 6
    assert f"http://***@{shown}?***" in str(checkpoint)
    printed = "".join(capfd.readouterr())
    assert not [secret for secret in SECRETS if secret in printed]
    with pytest.raises(UserError, match="stands without its credentials, as in all that a run writes"):
        split(f"http://***@{shown}?***")


@pytest.mark.slow
@pytest.mark.run
def test_a_command_that_fails_does_not_say_them(tmp_path: Path) -> None:
    url = f"http://reader:{PASSWORD}@127.0.0.1:9/set?sig={SIGNATURE}"
    command = [sys.executable, "-m", "esrgan_train", *OWN, f"data.train_dir={url}", "trainer.accelerator=cpu"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ))
    assert ended.returncode == 2
    assert "error: data.train_dir=http://***@127.0.0.1:9/set?*** cannot be read (" in ended.stderr
    assert not [secret for secret in SECRETS if secret in ended.stdout + ended.stderr]
    sweep = subprocess.run([*command, "-m"], cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ))
    assert sweep.returncode == 2
    assert "Hydra writes the options of a sweep to multirun.yaml" in sweep.stderr
    assert not [secret for secret in SECRETS if secret in sweep.stdout + sweep.stderr]
    assert not list(tmp_path.rglob("multirun.yaml"))


def test_a_wrong_password_is_no_reason_to_try_again(packed_photos: Path) -> None:
    with (
        serving(packed_photos) as url,
        pytest.raises(UserError, match=r"cannot be read \(.*403.*\): check") as told,
    ):
        split(url.replace(PASSWORD, "wrong-passw0rd"))
    assert "wrong-passw0rd" not in str(told.value)
    assert SIGNATURE not in str(told.value)


def test_a_run_folder_is_no_address() -> None:
    with pytest.raises(
        UserError, match=r"^run_dir=s3://\*\*\*@bucket/run is an address: a run writes to a folder"
    ):
        resolve_run_dir(experiment="x", run_dir="s3://KEY:secret@bucket/run", ckpt_path=None)
