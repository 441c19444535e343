from __future__ import annotations

import pytest

from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.search.plan import plan_of
from esrgan_train.search.space import Choices, Range

RATE = "optimizer.lr=tag(log,interval(1e-5,1e-3))"


@pytest.fixture(autouse=True)
def untried(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value that is tried is a configuration to compose: where that is not the question, it is left out."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr("esrgan_train.search.plan._check_values", lambda _: None)


def test_ranges_are_searched_and_values_are_every_trials():
    plan = plan_of(
        ["experiment=x4_net", RATE, "generator.num_feat=8,16", "search.trials=7", "seed=3", "search/sampler=gp"]
    )
    assert plan.space == {
        "optimizer.lr": Range(low=1e-5, high=1e-3, log=True),
        "generator.num_feat": Choices(values=(8, 16)),
    }
    assert plan.fixed == ["experiment=x4_net", "seed=3"]
    assert (plan.metric, plan.maximizes, plan.options.trials) == ("val/psnr", True, 7)
    assert (plan.options.name, plan.options.dir) == ("x4_net", "runs/searches/x4_net")
    assert plan.options.sampler["_target_"] == "optuna.samplers.GPSampler"
    assert "search" not in plan.cfg
    assert plan.overrides({"optimizer.lr": "1e-04"}, 5) == [
        *("experiment=x4_net", "seed=3", "optimizer.lr=1e-04", "optimized_metric=val/psnr"),
        *("run_dir=runs/searches/x4_net/5", "ckpt_path=auto"),
    ]


def test_a_file_of_ranges_is_joined_by_those_of_the_command_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("esrgan_train.search.plan.check_metrics", lambda _: None)  # no AlexNet here
    plan = plan_of(["search=gan", "loss.pixel.weight=1", "loss.adversarial.weight=0.1,0.2"])
    assert list(plan.space) == ["optimizer.lr", "loss.adversarial.weight"]
    assert plan.space["loss.adversarial.weight"] == Choices(values=(0.1, 0.2))
    assert plan.fixed == ["loss.pixel.weight=1"]
    assert (plan.metric, plan.maximizes) == ("val/lpips", False)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["data.gt_size=32", "data.gt_size=choice(64,96)"], Choices(values=(64, 96))),
        (["data.gt_size=choice(64,96)", "data.gt_size=choice(32,40)"], Choices(values=(32, 40))),
        (["data.gt_size=choice(64,96)", "data.gt_size=32"], None),
    ],
)
def test_what_comes_later_wins(given: list[str], kept: Choices | None):
    plan = plan_of([RATE, *given])
    assert plan.space.get("data.gt_size") == kept


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "there is nothing to search: give a range"),
        (["generator.num_feat=8"], "there is nothing to search"),
        ([RATE, "run_dir=x"], "run_dir: a search decides it for each trial.*search.dir=FOLDER"),
        ([RATE, "ckpt_path=last"], "ckpt_path: a search decides it"),
        ([RATE, "optimized_metric=null"], "no value to go by: give optimized_metric=val/psnr"),
        ([RATE, "optimized_metric=val/psrn"], "val/psnr"),
        ([RATE, "optimized_metric=train/pixel"], "give search.mode=max or min"),
        ([RATE, "search.trails=3"], "search.trails"),
        ([RATE, "+search.trails=3"], "search.trails: there is no such option; did you mean trials"),
        ([RATE, "search.trials=0"], "search.trials=0: give a whole number"),
        ([RATE, "search.silence=20"], "at least three times search.heartbeat=15"),
        ([RATE, "search=gna"], "did you mean search=gan"),
        (["optimizer.lr=interval(1"], "not of the form key=value"),
        ([RATE, "trainer.num_nodes=2"], "each trial of a search runs on one host"),
    ],
)
def test_a_mistake_is_found_before_anything_exists(words: list[str], told: str):
    with pytest.raises(UserError, match=told):
        plan_of(words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["generator.num_feat=8,0"], "generator.num_feat=0: give a whole number from 1 on"),
        (["generator=srvgg,nosuch"], "generator=nosuch: there is no such choice"),
        (["optimizer.rl=interval(1,2)"], "optimizer.rl=1.0: there is no such option; did you mean optimizer.lr"),
    ],
)
def test_every_choice_and_both_ends_of_a_range_are_tried(words: list[str], told: str):
    with pytest.raises(UserError, match=told):
        plan_of(words)


def test_the_group_is_for_the_search_alone():
    with pytest.raises(UserError, match=r"python -m esrgan_train\.search"):
        check(compose_config(["search=default"]))
    with pytest.raises(UserError, match=r"any more: give python -m esrgan_train\.search"):
        compose_config(["hparams_search=optuna"])
