"""``training.deterministic`` in whole runs; here on the CPU, which is deterministic without it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning import Callback

from esrgan_train.announce import exactness
from esrgan_train.build import build_trainer
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.train import train
from esrgan_train.training.precision import Precision
from tests.tiny import tiny

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"
SHORT = ("recipe.start_step=1", "trainer.max_steps=3", "recipe.val_check_interval=3")
SEEN: list[tuple[bool, bool]] = []


class Watch(Callback):
    """Notes how kernels are chosen: whether only those that repeat themselves, and whether by trying them out."""

    def on_train_batch_end(self, *_: Any) -> None:
        SEEN.append((torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark))


def run(folder: Path, *more: str) -> tuple[dict[str, Any], set[tuple[bool, bool]]]:
    SEEN.clear()
    watched = (f"+callbacks.watch._target_={__name__}.Watch", *SHORT, *more)
    train(compose_config(tiny(folder, *watched)))
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    return checkpoint["state_dict"], set(SEEN)


@pytest.mark.slow
@pytest.mark.run
def test_on_a_cpu_it_changes_nothing_and_a_second_run_in_the_process_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(VARIABLE, ":4096:8")
    plain, free = run(tmp_path / "a")
    exact, bound = run(tmp_path / "b", "training.deterministic=true")
    again, free_again = run(tmp_path / "c")
    assert all(torch.equal(plain[name], exact[name]) for name in plain)
    assert all(torch.equal(plain[name], again[name]) for name in plain)
    assert free == free_again == {(False, True)}
    assert bound == {(True, False)}
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark


def test_a_run_that_is_refused_gives_everything_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, ":4096:8")
    wrong = ("training.deterministic=true", "trainer.devices=many")
    with pytest.raises(Exception, match="many"):
        train(compose_config(tiny(tmp_path, *wrong)))
    assert not torch.are_deterministic_algorithms_enabled()


def test_where_cuda_has_started_without_it_the_run_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with pytest.raises(UserError, match=f"training.deterministic=true: {VARIABLE} was not set before CUDA"):
        train(compose_config(tiny(tmp_path / "run", "training.deterministic=true")))
    assert not (tmp_path / "run").exists()


def test_lightnings_own_switch_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"give training\.deterministic=true instead"):
        build_trainer(compose_config(tiny(tmp_path, "+trainer.deterministic=true")))


@pytest.mark.parametrize(
    ("device", "precision", "deterministic", "words"),
    [
        ("cpu", "32", False, []),
        ("cuda", "bf16", True, ["repeats itself bit for bit"]),
        ("cuda", "32", False, ["may be rounded otherwise", "TF32"]),
    ],
)
def test_the_start_says_what_is_promised(device: str, precision: str, deterministic: bool, words: list[str]):
    options = SimpleNamespace(deterministic=deterministic)
    module: Any = SimpleNamespace(
        precision=Precision(precision, device, ""), step=SimpleNamespace(options=options)
    )
    lines = list(exactness(module))
    assert len(lines) == len(words)
    assert all(word in line for word, line in zip(words, lines, strict=True))
