from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.trainer.states import TrainerFn

from esrgan_train.callbacks.early_stopping import EarlyStopping
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.train import train
from tests.tiny import tiny

OPTIONS = {"monitor": "val/psnr", "mode": "max", "patience": 2, "min_delta": 0.1, "start_step": 0}


def validate(stopping: EarlyStopping, values: list[float], **of_trainer: Any) -> list[bool]:
    """Show ``stopping`` one validation after the other; whether the run ends after each."""
    trainer: Any = SimpleNamespace(
        **{"global_step": 8, "should_stop": False, "sanity_checking": False, "fast_dev_run": False} | of_trainer,
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        strategy=SimpleNamespace(reduce_boolean_decision=lambda decision, **_: decision),
        current_epoch=0,
    )
    ends = []
    for value in values:
        trainer.callback_metrics = {stopping.monitor: torch.tensor(value)}
        stopping.on_validation_end(trainer, SimpleNamespace(log_rest=lambda: None))  # type: ignore[arg-type]
        ends.append(trainer.should_stop)
    return ends


@pytest.mark.parametrize(
    ("mode", "values", "over"),
    [
        ("max", [20.0, 21.0, 21.05, 21.09], [False, False, False, True]),
        ("max", [20.0, 19.0, 21.0, float("nan"), 20.0], [False, False, False, False, True]),
        ("max", [float("nan"), float("nan")], [False, True]),
        ("min", [0.5, 0.3, 0.35, 0.1, 0.1], [False, False, False, False, False]),
    ],
)
def test_it_ends_after_patience_validations_without_a_gain(
    mode: str, values: list[float], over: list[bool]
) -> None:
    assert validate(EarlyStopping(**{**OPTIONS, "mode": mode}), values) == over  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"mode": "best"}, {"patience": 0}, {"patience": 1.5}, {"min_delta": -1.0}, {"start_step": -1}]
)
def test_options_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        EarlyStopping(**{**OPTIONS, **wrong})  # type: ignore[arg-type]


def stopped(run_dir: Path, *more: str) -> dict[str, object]:
    """Of the checkpoint of a run in which no gain is ever enough."""
    never = ("callbacks=early_stopping", "callbacks.early_stopping.min_delta=1000", "recipe.max_steps=40")
    train(compose_config(tiny(run_dir, *never, "recipe.start_step=4", *more)))
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.run
def test_a_run_ends_with_its_last_validation_and_its_own_count_in_the_checkpoint(tmp_path: Path) -> None:
    checkpoint = stopped(tmp_path, "callbacks.early_stopping.patience=2", "trainer.log_every_n_steps=5")
    assert checkpoint["global_step"] == 12  # one validation sets the best, two wait
    state = checkpoint["callbacks"]["EarlyStopping"]  # type: ignore[index]
    assert state["waited"] == 2
    assert {type(value) for value in state.values()} == {float, int, str}
    assert (tmp_path / "summary.json").exists()
    trained = [row["step"] for row in read_rows(tmp_path / "metrics.csv") if row["train/pixel"]]
    assert trained == ["4", "5", "10", "12"]  # the pixel stage ends after 4, the run after 12


@pytest.mark.slow
@pytest.mark.run
def test_validations_up_to_start_step_do_not_count(tmp_path: Path) -> None:
    more = ("callbacks.early_stopping.patience=1", "callbacks.early_stopping.start_step=8")
    assert stopped(tmp_path, *more)["global_step"] == 16


@pytest.mark.parametrize(
    ("monitor", "measured", "kept"),
    [("val/psnr", {"seed": 0}, True), ("val/ssim", {"seed": 0}, False), ("val/psnr", {"seed": 1}, False)],
)
def test_a_best_of_something_else_is_not_waited_for(monitor: str, measured: dict[str, int], kept: bool) -> None:
    before = EarlyStopping(**OPTIONS)  # type: ignore[arg-type]
    assert validate(before, [20.0, 19.0]) == [False, False]
    assert before.state_dict() == {"best": 20.0, "waited": 1, "monitor": "val/psnr", "sign": 1}  # as ever
    after = EarlyStopping(**{**OPTIONS, "monitor": monitor})  # type: ignore[arg-type]
    module: Any = SimpleNamespace(measured=measured)
    after.on_load_checkpoint(None, module, {"measured": {"seed": 0}})  # type: ignore[arg-type]
    after.load_state_dict(before.state_dict())
    state = after.state_dict()
    assert (state["best"], state["waited"]) == ((20.0, 1) if kept else (None, 0))
    assert validate(after, [19.5]) == [kept]


def test_a_state_without_a_best_is_resumed() -> None:
    before, after = EarlyStopping(**OPTIONS), EarlyStopping(**OPTIONS)  # type: ignore[arg-type]
    validate(before, [float("nan")])
    assert before.state_dict()["best"] is None
    after.load_state_dict(before.state_dict())
    assert validate(after, [float("nan")]) == [True]


@pytest.mark.run
def test_a_value_that_is_never_logged_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"monitor=val/beauty is never logged.*val/psnr"):
        stopped(tmp_path, "callbacks.early_stopping.monitor=val/beauty")
