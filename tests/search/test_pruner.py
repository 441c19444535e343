from __future__ import annotations

import optuna
import pytest

from esrgan_train.search.pruner import ByStage, of_stage

PIXEL, GAN = (20.0, 22.0, 24.0), (22.5, 23.0)  # PSNR rises, falls with the GAN stage, and rises
BOTH = ["pixel", "gan"]
STEPS = (100, 200, 300, 400, 500)


@pytest.mark.parametrize(
    ("start_step", "kept"), [(None, 4), (3, 2), (1, 3), (0, 4), (4, 4), (9, 4)]
)  # iteration start_step still belongs to the pixel stage
def test_only_values_of_the_latest_ones_stage_are_kept(start_step: int | None, kept: int):
    values = {1: 0.1, 2: 0.2, 4: 0.4, 5: 0.5} if start_step == 1 else {1: 0.1, 2: 0.2, 4: 0.4, 9: 0.5}
    values = {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4} if start_step in (4, 9) else values
    found = of_stage(values, start_step)
    assert len(found) == kept
    assert max(found) == max(values)


def pruned_at(pruner: optuna.pruners.BasePruner, values: tuple[float, ...]) -> int | None:
    """The iteration at which a fourth trial is pruned, after three good ones."""
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for better in (0.0, 0.1, 0.2):
        trial = study.ask()
        for step, value in zip(STEPS, (*PIXEL, *GAN), strict=True):
            trial.report(value + better, step)
        study.tell(trial, GAN[-1] + better)
    trial = study.ask()
    trial.set_user_attr("start_step", 300)
    for step, value in zip(STEPS, values, strict=True):
        trial.report(value, step)
        if trial.should_prune():
            return step
    return None


def median() -> optuna.pruners.BasePruner:
    return optuna.pruners.MedianPruner(n_startup_trials=1)


BAD_GAN = (20.5, 22.5, 24.5, 15.0, 15.0)


def test_a_bad_gan_stage_is_pruned_though_the_pixel_stage_was_good():
    assert pruned_at(median(), BAD_GAN) is None  # Optuna's alone: the best value so far is 24.5
    assert pruned_at(ByStage(median(), BOTH), BAD_GAN) == 400


def test_a_bad_pixel_stage_is_pruned_in_it():
    assert pruned_at(ByStage(median(), BOTH), (20.5, 21.0, 21.0, 30.0, 30.0)) == 200


def test_a_good_one_is_not_pruned():
    assert pruned_at(ByStage(median(), BOTH), (20.5, 22.5, 24.5, 23.0, 24.0)) is None


def test_a_stage_may_be_left_alone():
    assert pruned_at(ByStage(median(), ["gan"]), (1.0, 1.0, 1.0, 30.0, 30.0)) is None
    assert pruned_at(ByStage(median(), ["gan"]), (1.0, 1.0, 1.0, 1.0, 30.0)) == 400
    assert pruned_at(ByStage(median(), ["pixel"]), (20.5, 22.5, 24.5, 1.0, 1.0)) is None
