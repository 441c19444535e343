from __future__ import annotations

import logging
from pathlib import Path

import pytest

from esrgan_train.callbacks.health import Health
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.train import train
from esrgan_train.training.stages import StageName
from tests.tiny import tiny

ACCURACY = {"d_accuracy": {"limit": 0.95, "patience": 100}}


def test_a_lasting_sign_is_warned_about_once_with_the_options_to_change() -> None:
    health = Health(signs=ACCURACY)
    told = [health.read(step, {"train/d_accuracy": 0.99}) for step in range(50, 400, 50)]
    assert [len(messages) for messages in told] == [0, 0, 1, 0, 0, 0, 0]
    assert "iterations 50 to 150" in told[2][0]
    assert "99%" in told[2][0]
    assert "optimizer.discriminator.lr" in told[2][0]


def test_in_the_pixel_stage_the_advice_is_its_learning_rate() -> None:
    health = Health(signs={"clipped": {"limit": 0.05, "patience": 0}})
    (message,) = health.read(10, {"train/clipped": 0.2}, "pixel")
    assert message.endswith("lower optimizer.pixel_lr")


@pytest.mark.parametrize(("stage", "option"), [("pixel", "optimizer.pixel_lr"), ("gan", "optimizer.lr")])
def test_a_run_that_diverges_is_reported_at_once_in_plain_words(stage: StageName, option: str) -> None:
    health = Health(signs={"colour_shift": {"limit": 0.04, "patience": 100}})
    told = [health.read(step, {"train/colour_shift": 1100866.25}, stage) for step in range(0, 400, 50)]
    assert [len(messages) for messages in told] == [1, 0, 0, 0, 0, 0, 0, 0]
    assert "training has diverged" in told[0][0]
    assert told[0][0].endswith(f"a lower {option}")
    assert "1100866" not in told[0][0]


def test_one_good_reading_starts_the_count_again() -> None:
    health = Health(signs=ACCURACY)
    values = [0.99, 0.99, 0.5, 0.99, 0.99]
    assert [health.read(50 * n, {"train/d_accuracy": v}) for n, v in enumerate(values)] == [[]] * 5


def test_what_was_warned_about_before_a_resume_is_not_repeated() -> None:
    before, after = Health(signs=ACCURACY), Health(signs=ACCURACY)
    before.read(0, {"train/d_accuracy": 0.99})
    after.load_state_dict(before.state_dict())
    assert len(after.read(100, {"train/d_accuracy": 0.99})) == 1  # the stretch goes on
    again = Health(signs=ACCURACY)
    again.load_state_dict(after.state_dict())
    assert again.read(500, {"train/d_accuracy": 0.99}) == []


@pytest.mark.parametrize(
    ("signs", "named"),
    [
        ({"acuracy": {"limit": 0.5, "patience": 1}}, "acuracy"),
        ({"d_accuracy": {"limit": 95, "patience": 1}}, "limit=95"),
        ({"d_accuracy": {"limit": 0.9, "patience": -1}}, "patience=-1"),
        ({"d_accuracy": {"limit": 0.9}}, "limit and patience"),
    ],
)
def test_options_out_of_bounds_are_refused(signs: dict[str, dict[str, float]], named: str) -> None:
    with pytest.raises(UserError, match=named):
        Health(signs=signs)


@pytest.mark.slow
@pytest.mark.run
def test_a_run_whose_colours_drift_is_warned_and_says_so_in_its_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = ("recipe.max_steps=4", "recipe.start_step=0", "callbacks.health.signs.colour_shift.patience=2")
    with caplog.at_level(logging.WARNING):
        train(compose_config(tiny(tmp_path, *more, "callbacks.health.signs.colour_shift.limit=0")))
    warned = [record.message for record in caplog.records if "mean colour" in record.message]
    assert len(warned) == 1
    assert "loss.pixel.weight" in warned[0]
    assert warned[0] in (tmp_path / "train.log").read_text()
