"""Every module that can be started helps those who ask, and starts nothing."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

import esrgan_train
from esrgan_train.errors import UserError
from esrgan_train.preview_data import main as preview

PACKAGE = Path(esrgan_train.__file__).parent
STARTED = sorted(
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__main__")
    for file in PACKAGE.rglob("*.py")
    if 'if __name__ == "__main__":' in file.read_text(encoding="utf-8")
)


def test_modules_were_found():
    assert {"esrgan_train", "esrgan_train.upscale", "esrgan_train.export", "esrgan_train.preview_data"} <= set(
        STARTED
    )


@pytest.mark.run
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")  # they are imported by other tests
@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("module", STARTED)
def test_a_module_helps(
    module: str, flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(sys, "argv", [module, flag])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(module, run_name="__main__")
    told = capsys.readouterr()
    assert end.value.code == 0
    assert re.search(rf"python -m {re.escape(module)} ", told.out)
    assert not told.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data.train_dir=my photos"], "give 'data.train_dir=my photos'"),
        (["data=folder", "--lr", "0.1"], "give lr=0.1"),
        (["data=folder", "photos"], "key=value"),
        (["data=folder", "data.train_dir=été (1)"], r"data\.train_dir=été \(1\) does not exist"),
    ],
)
def test_the_preview_takes_options_as_training_does(
    arguments: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=told):
        preview(arguments)
