from __future__ import annotations

from pathlib import Path

import pytest
import torch

from esrgan_train.callbacks.early_stopping import EarlyStopping
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.train import train
from esrgan_train.training.module import ESRGANModule
from tests.tiny import tiny

OPTIONS = {"monitor": "val/psnr", "mode": "max", "patience": 2, "min_delta": 0.1, "start_step": 0}


@pytest.mark.parametrize(
    ("mode", "values", "over"),
    [
        ("max", [20.0, 21.0, 21.05, 21.09], [False, False, False, True]),
        ("max", [20.0, 19.0, 21.0, float("nan"), 20.0], [False, False, False, False, True]),
        ("min", [0.5, 0.3, 0.35, 0.1, 0.1], [False, False, False, False, False]),
    ],
)
def test_it_ends_after_patience_validations_without_a_gain(
    mode: str, values: list[float], over: list[bool]
) -> None:
    stopping = EarlyStopping(**{**OPTIONS, "mode": mode})  # type: ignore[arg-type]
    assert [stopping.is_over(value) for value in values] == over


@pytest.mark.parametrize("wrong", [{"mode": "best"}, {"patience": 0}, {"patience": 1.5}, {"min_delta": -1.0}])
def test_options_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        EarlyStopping(**{**OPTIONS, **wrong})  # type: ignore[arg-type]


def stopped(run_dir: Path, *more: str) -> dict[str, object]:
    """Of the checkpoint of a run in which no gain is ever enough."""
    never = ("callbacks=early_stopping", "callbacks.early_stopping.min_delta=1000", "recipe.max_steps=40")
    train(compose_config(tiny(run_dir, *never, "recipe.start_step=4", *more)))
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]


def test_a_run_ends_with_its_last_validation_and_its_own_count_in_the_checkpoint(tmp_path: Path) -> None:
    checkpoint = stopped(tmp_path, "callbacks.early_stopping.patience=2", "trainer.log_every_n_steps=5")
    assert checkpoint["global_step"] == 12  # one validation sets the best, two wait
    state = checkpoint["callbacks"]["EarlyStopping"]  # type: ignore[index]
    assert state["waited"] == 2
    assert {type(value) for value in state.values()} == {float, int, str}
    assert (tmp_path / "summary.json").exists()
    trained = [row["step"] for row in read_rows(tmp_path / "metrics.csv") if row["train/pixel"]]
    assert trained == ["4", "5", "10", "12"]  # the pixel stage ends after 4, the run after 12


def test_validations_up_to_start_step_do_not_count(tmp_path: Path) -> None:
    more = ("callbacks.early_stopping.patience=1", "callbacks.early_stopping.start_step=8")
    assert stopped(tmp_path, *more)["global_step"] == 16


@pytest.mark.parametrize(
    ("monitor", "measured", "kept"),
    [("val/psnr", {"seed": 0}, True), ("val/ssim", {"seed": 0}, False), ("val/psnr", {"seed": 1}, False)],
)
def test_a_best_of_something_else_is_not_waited_for(monitor: str, measured: dict[str, int], kept: bool) -> None:
    before = EarlyStopping(**OPTIONS)  # type: ignore[arg-type]
    assert [before.is_over(value) for value in (20.0, 19.0)] == [False, False]
    after = EarlyStopping(**{**OPTIONS, "monitor": monitor})  # type: ignore[arg-type]
    module = object.__new__(ESRGANModule)
    module.__dict__["measured"] = measured
    after.on_load_checkpoint(None, module, {"measured": {"seed": 0}})  # type: ignore[arg-type]
    after.load_state_dict(before.state_dict())
    assert (after.best, after.waited) == ((20.0, 1) if kept else (None, 0))


def test_a_value_that_is_never_logged_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"monitor=val/beauty is never logged.*val/psnr"):
        stopped(tmp_path, "callbacks.early_stopping.monitor=val/beauty")
