"""Lengths from costs: pure arithmetic on composed configurations."""

from __future__ import annotations

import pytest
from omegaconf import DictConfig

from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.hours.course import Scaled, course_of
from esrgan_train.hours.decision import lengths_for, with_lengths
from esrgan_train.hours.plan import Costs, Plan, plan_for

COSTS = Costs(pixel=0.05, gan=0.2, validation=5.0, start=20.0)
SIX = 6 * 3600.0


def composed(*overrides: str) -> DictConfig:
    return compose_config(["recipe=published", *overrides])


def planned(cfg: DictConfig, costs: Costs = COSTS, seconds: float = SIX) -> tuple[Plan, DictConfig]:
    plan = plan_for(cfg, costs, seconds)
    return plan, with_lengths(cfg, {"hours": seconds / 3600, "recipe": plan.recipe})


@pytest.mark.parametrize("hours", [0.2, 6, 500])
@pytest.mark.parametrize("recipe", ["demo", "published"])
def test_the_run_fills_its_time_in_the_recipes_proportions(recipe: str, hours: float) -> None:
    cfg = compose_config([f"recipe={recipe}"])
    own = course_of(cfg)
    plan, longer = planned(cfg, seconds=3600 * hours)
    course = course_of(longer)
    assert course == plan.course
    # counted by hand: the start, a validation before it, two GAN iterations that are tried, the rest
    validations = 1 + -(-longer.trainer.max_steps // longer.trainer.val_check_interval)
    taken = 20 + validations * 5 + 2 * 0.2 + course.pixel * 0.05 + course.gan * 0.2
    assert 3600 * hours - 6 <= taken <= 3600 * hours  # 5 s: one validation more or less
    assert course.pixel / course.iterations == pytest.approx(own.pixel / own.iterations, abs=0.001)
    assert validations <= 102
    assert validations * 5 <= max(0.1 * 3600 * hours, 4 * 5) + 10


@pytest.mark.parametrize(
    ("overrides", "stages"),
    [
        (["experiment=x4_net"], (True, False)),
        (["experiment=finetune", "init_from=model.pth"], (False, True)),
        (["loss.adversarial.start_step=0"], (False, True)),
        (["debug=limit"], (True, True)),
        (["recipe.max_steps=1000", "recipe.start_step=500"], (True, True)),
        (["trainer.val_check_interval=2000"], (True, True)),
        (["trainer.max_time=00:01:00:00"], (True, True)),
    ],
)
def test_what_an_experiment_runs_is_what_fills_the_time(overrides: list[str], stages: tuple[bool, bool]) -> None:
    cfg = composed(*overrides)
    assert Scaled(cfg).fixed() is None
    plan, longer = planned(cfg)
    assert (plan.course.pixel > 0, plan.course.gan > 0) == stages
    assert SIX - 6 <= COSTS.of(course_of(longer)) <= SIX


def test_the_discriminators_warm_up_keeps_its_share() -> None:
    cfg = composed("experiment=finetune", "init_from=model.pth")
    _, longer = planned(cfg)
    share = longer.loss.adversarial.discriminator_warmup / longer.trainer.max_steps
    assert share == pytest.approx(2000 / 400_000, rel=0.01)


@pytest.mark.slow
def test_few_iterations_are_logged_more_often() -> None:
    _, longer = planned(compose_config(["recipe=demo"]), seconds=60.0)
    assert longer.trainer.log_every_n_steps < 10
    assert longer.trainer.max_steps / longer.trainer.log_every_n_steps >= 60
    _, longer = planned(composed())
    assert longer.trainer.log_every_n_steps == 100


def test_expensive_validations_leave_two_thirds_of_the_time() -> None:
    plan, longer = planned(composed(), Costs(0.05, 0.2, validation=60.0, start=10.0), seconds=600.0)
    assert longer.trainer.max_steps / longer.trainer.val_check_interval <= 3
    assert plan.course.iterations > 3000


def test_too_little_time_is_refused_with_what_would_do() -> None:
    cfg = composed("recipe.hours=0.001")
    with pytest.raises(UserError, match=r"^recipe.hours=0.001 is too short for 20 iterations: ") as no:
        plan_for(cfg, COSTS, 3.6)
    enough = float(str(no.value).split("give recipe.hours=")[1].split()[0])
    assert plan_for(cfg, COSTS, 3600 * enough).course.iterations >= 200


@pytest.mark.parametrize("value", ["0", "-1", "nan", ".inf", "long", "true", "[6]"])
def test_a_wrong_time_is_refused(value: str) -> None:
    with pytest.raises(UserError, match=r"^recipe.hours=.*: give a number above 0 or null"):
        check(composed(f"recipe.hours={value}"))


@pytest.mark.parametrize(
    "fixed",
    ["trainer.max_steps=1000", "loss.adversarial.start_step=500"],
)
def test_two_ways_to_say_how_long_are_refused(fixed: str) -> None:
    cfg = composed("recipe.hours=6", fixed)
    with pytest.raises(UserError, match=rf"^recipe.hours=6 chooses the iterations, and {fixed} fixes them: "):
        lengths_for(cfg, arguments=[fixed], checkpoint=None)


@pytest.mark.parametrize("debug", ["batch", "overfit", "profile"])
def test_a_debug_choice_of_its_own_length_wins(debug: str, caplog: pytest.LogCaptureFixture) -> None:
    given = ["recipe.hours=6", f"debug={debug}"]
    assert lengths_for(composed(*given), arguments=given, checkpoint=None) is None
    assert caplog.messages == [f"recipe.hours=6 has no effect: debug={debug} sets the iterations"]


def test_without_hours_nothing_is_asked() -> None:
    cfg = composed()
    assert lengths_for(cfg, arguments=(), checkpoint=None) is None
    assert with_lengths(cfg, None) is cfg
