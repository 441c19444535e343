from __future__ import annotations

from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from esrgan_train.errors import UserError
from esrgan_train.search.space import Choices, Range, Space, space_in, space_of


def from_command_line(*words: str) -> Space:
    return space_in(OverridesParser.create().parse_overrides(list(words)))


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("a=interval(0.1,2)", Range(low=0.1, high=2.0)),
        ("a=interval(1,2)", Range(low=1.0, high=2.0)),  # Hydra's intervals are of decimal numbers
        ("a=int(interval(1,9))", Range(low=1, high=9)),
        ("a=tag(log,interval(1e-5,1e-3))", Range(low=1e-5, high=1e-3, log=True)),
        ("a=range(8,64,8)", Range(low=8, high=56, step=8)),  # without its end, as in Python
        ("a=range(0,1,0.25)", Range(low=0.0, high=0.75, step=0.25)),
        ("a=24,64", Choices(values=(24, 64))),
        ("a=choice(prelu,[1,b],true)", Choices(values=("prelu", "[1,b]", True))),
    ],
)
def test_hydras_own_syntax_describes_a_space(word: str, wanted: Range | Choices):
    assert from_command_line(word) == {"a": wanted}


def test_a_single_value_is_no_part_of_it():
    assert from_command_line("a=1", "b=1,2") == {"b": Choices(values=(1, 2))}


@pytest.mark.parametrize(
    ("node", "wanted"),
    [
        ({"low": 1e-5, "high": 1e-3, "log": True}, Range(low=1e-5, high=1e-3, log=True)),
        ({"low": 1, "high": 9}, Range(low=1, high=9)),
        ({"low": 0, "high": 0.5, "step": 0.1}, Range(low=0.0, high=0.5, step=0.1)),
        ({"choices": [24, None, "prelu", False]}, Choices(values=(24, "null", "prelu", False))),
    ],
)
def test_so_does_a_file(node: dict[str, Any], wanted: Range | Choices):
    assert space_of({"optimizer.lr": node, "left.out": None}) == {"optimizer.lr": wanted}


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (3, "give low and high"),
        ({"low": 1}, "give low and high"),
        ({"low": 1, "hihg": 2}, r"search\.space\.a\.hihg: there is no such key"),
        ({"low": 2, "high": 1}, "low=2 must be below high=1"),
        ({"low": 0, "high": 1, "log": True}, "a low above 0"),
        ({"low": 1, "high": 8, "log": True, "step": 1}, "no step"),
        ({"low": 1, "high": 8, "step": 0}, "step=0 must be above 0"),
        ({"low": "a", "high": 8}, "low=a is no number"),
        ({"low": 0.0, "high": float("inf")}, "high=inf is no number"),
        ({"low": 1, "high": 8, "log": "yes"}, "true or false"),
        ({"choices": []}, "choices are a list"),
        ({"choices": [1, 2], "low": 0}, "choices are a list, alone"),
        ({"choices": [[1, 2]]}, "write a list or a mapping as text"),
    ],
)
def test_a_mistake_in_a_file_is_named(node: Any, told: str):
    with pytest.raises(UserError, match=told):
        space_of({"a": node})


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("a=tag(logarithmic,interval(1,2))", "the tag logarithmic means nothing"),
        ("a=glob(*)", "a search draws from"),
        ("a=range(2,2)", "holds no number"),
        ("a=interval(2,1)", "must be below"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(word: str, told: str):
    with pytest.raises(UserError, match=told):
        from_command_line(word)


def test_what_a_study_draws_is_written_as_an_override_and_lies_in_the_range():
    space = space_of({
        "lr": {"low": 1e-5, "high": 1e-3, "log": True},
        "width": {"low": 8, "high": 64, "step": 8},
        "act": {"choices": ["prelu", "null", True, 3]},
    })  # fmt: skip
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [
        {key: each.suggest(key, trial) for key, each in space.items()}
        for trial in (study.ask() for _ in range(60))
    ]
    assert all(1e-5 <= float(each["lr"]) <= 1e-3 for each in drawn)
    assert sum(float(each["lr"]) < 1e-4 for each in drawn) > 15  # half of them, by magnitude
    assert {int(each["width"]) for each in drawn} <= set(range(8, 65, 8))
    assert {each["act"] for each in drawn} == {"prelu", "null", "true", "3"}
    assert [float(each["lr"]) for each in drawn] == [trial.params["lr"] for trial in study.trials]
