"""Runs that end in the midst of validation; see test_signals and test_processes for the other endings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.errors import StopAtOnceError, StopRequestedError
from esrgan_train.train import train
from esrgan_train.training.module import ESRGANModule
from tests.tiny import tiny

pytestmark = pytest.mark.run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "told", "saved"),
    [
        (MemoryError("a large photo"), MemoryError, 8),
        (StopAtOnceError("a second SIGINT", 2), StopRequestedError, 4),
    ],
)
def test_what_was_trained_before_a_validation_that_fails_is_saved(
    error: Exception, told: type[Exception], saved: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def validate(module: ESRGANModule, *arguments: Any) -> Any:
        if module.trainer.global_step == 8 and failing:
            raise error
        return validation_step(module, *arguments)

    validation_step, failing = ESRGANModule.validation_step, True
    monkeypatch.setattr(ESRGANModule, "validation_step", validate)
    run = ("trainer.max_steps=12", "recipe.start_step=100")
    with pytest.raises(told, match=str(error)):
        train(compose_config(tiny(tmp_path, *run)))
    last = tmp_path / "checkpoints" / "last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == saved
    failing = False
    train(compose_config(tiny(tmp_path, *run, "ckpt_path=last")))
    assert torch.load(last, weights_only=True)["global_step"] == 12
