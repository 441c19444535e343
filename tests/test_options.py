"""Each option of a configuration is checked against its annotation, before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any

import pytest
from annotated_types import Ge
from omegaconf import DictConfig, OmegaConf, open_dict

from esrgan_train.bounds import fits, hints_of
from esrgan_train.checks import schema
from esrgan_train.checks.options import check_options, groups, hints_in
from esrgan_train.checks.tree import join, mappings, missing_in, options_of
from esrgan_train.config import compose_config, config_dir
from esrgan_train.errors import UserError
from tests.options_table import PAGE, page

BUILT: list[str] = []  # what was built, which checking must not do


class Stranger:
    """A class that knows nothing of this project, with bounds in its constructor's annotations."""

    def __init__(self, *, width: Annotated[int, Ge(3)], depth: Annotated[int | None, Ge(1)] = None) -> None:
        BUILT.append("Stranger")


@dataclass
class StrangeData:
    width: Annotated[int, Ge(3)]


def strange_function(width: Annotated[int, Ge(3)]) -> None:
    BUILT.append(f"function {width}")


class TakesAnything:
    def __init__(self, width: Annotated[int, Ge(3)], **others: Any) -> None:
        BUILT.append("TakesAnything")


@pytest.fixture(scope="module")
def composed() -> DictConfig:
    return compose_config(["data=sample", "augmentation=[mixup]"])


def changed(cfg: DictConfig, option: str, value: Any) -> DictConfig:
    changed = cfg.copy()
    with open_dict(changed):
        OmegaConf.update(changed, option, value, merge=False)
    return changed


def target(kind: Any, **options: Any) -> dict[str, Any]:
    return {"_target_": f"{kind.__module__}.{kind.__name__}", **options}


@pytest.mark.run
@pytest.mark.parametrize("kind", [Stranger, StrangeData, strange_function, TakesAnything])
@pytest.mark.parametrize("option", ["scheduler", "callbacks.mine", "degradation.first.kernel"])
def test_bounds_of_a_strange_class_are_read_and_nothing_is_built(kind: Any, option: str, composed: DictConfig):
    check_options(changed(composed, option, target(kind, width=3)))
    for wrong in (2, True, 4.0, "4", None, [3]):
        with pytest.raises(UserError, match=rf"^{option}\.width=.*: give a whole number from 3 on$"):
            check_options(changed(composed, option, target(kind, width=wrong)))
    assert BUILT == []


def test_a_bound_beside_null_lets_null_pass(composed: DictConfig):
    check_options(changed(composed, "scheduler", target(Stranger, width=3, depth=None)))
    with pytest.raises(UserError, match=r"^scheduler\.depth=0: "):
        check_options(changed(composed, "scheduler", target(Stranger, width=3, depth=0)))


def test_an_argument_that_a_class_does_not_take_is_named(composed: DictConfig):
    with pytest.raises(UserError, match=r"^scheduler\.widht=3: .*Stranger .*did you mean scheduler\.width\?"):
        check_options(changed(composed, "scheduler", target(Stranger, widht=3)))
    check_options(changed(composed, "scheduler", target(TakesAnything, width=3, height=-1)))


def test_a_group_takes_the_options_of_its_dataclass_and_of_its_class(composed: DictConfig):
    check_options(changed(composed, "data", target(Stranger, width=3, batch_size=4)))
    with pytest.raises(UserError, match=r"^data\.batch_size=0: "):
        check_options(changed(composed, "data", target(Stranger, width=3, batch_size=0)))
    with pytest.raises(UserError, match=r"^data\.batch_sise=4: .*did you mean data\.batch_size\?"):
        check_options(changed(composed, "data", target(Stranger, width=3, batch_sise=4)))


def annotated(cfg: DictConfig) -> Iterator[tuple[str, Any]]:
    """The options that the schema annotates, with their annotations."""
    for name, _, kind in groups(cfg):
        for key, hint in hints_of(kind).items():
            if not is_dataclass(hint) and OmegaConf.select(cfg, join(name, key)) is not None:
                yield join(name, key), hint


ANNOTATED = dict(annotated(compose_config(["data=sample"])))
WHOLE = [o for o, hint in ANNOTATED.items() if fits(64, hint) and not fits(64.5, hint)]
NUMBERS = [o for o, hint in ANNOTATED.items() if fits(0.5, hint) and not fits("0.5", hint)]
FLAGS = [o for o, hint in ANNOTATED.items() if fits(False, hint) and not fits(64, hint)]


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (WHOLE, [True, 4.0, "4", -2, None, []]),
        (NUMBERS, [True, "0.5", -0.5, float("nan"), float("inf"), None]),
        (FLAGS, [0, 1, "true", None]),
    ],
    ids=["whole", "numbers", "flags"],
)
def test_what_the_schema_annotates_is_refused_by_its_full_name(
    options: list[str], wrong: list[Any], composed: DictConfig
):
    assert len(options) >= 5
    for option in options:
        for value in wrong:
            if fits(value, ANNOTATED[option]):  # such as null, or a number of devices that is text
                continue
            with pytest.raises(UserError) as error:
                check_options(changed(composed, option, value))
            assert str(error.value).startswith(f"{option}=")
            assert ": give " in str(error.value)


def test_the_schema_has_every_key_of_the_root_and_each_of_its_dataclasses_is_checked(composed: DictConfig):
    kinds = {kind for _, _, kind in groups(composed)}
    assert kinds == {
        each for each in vars(schema).values() if isinstance(each, type) and each.__module__ == schema.__name__
    }
    primary = OmegaConf.load(config_dir() / "train.yaml")
    chosen = {str(*entry).split()[-1] for entry in primary.defaults if isinstance(entry, DictConfig)}
    keys = {str(key) for key in primary} | {name for name in chosen if "/" not in name}
    assert {field.name for field in fields(schema.Run)} == keys - {"defaults", "hydra"}


def test_the_schema_names_nothing_that_no_configuration_has(composed: DictConfig):
    for name, node, kind in groups(composed):
        assert set(hints_of(kind)) - {"hparams_search", "search", "debug"} <= set(map(str, node)), name


# ruff: noqa: E501 — one mistake a line
@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("generator", None, "generator=null builds nothing: give generator._target_, the class to build, or choose another generator$"),
        ("loss.pixel.function", {}, r"loss\.pixel\.function=.* or choose another loss/pixel"),
        ("optimizer.generator", 5, "optimizer.generator=5 builds nothing: .* or choose another optimizer"),
        ("callbacks.mine", 5, r"callbacks\.mine=5 builds nothing: give callbacks\.mine\._target_.*null to leave it out"),
        ("training", None, "training=null builds nothing: choose another training"),
        ("callbacks", None, "callbacks=null builds nothing: choose another callbacks$"),
    ],
)  # fmt: skip
def test_a_group_that_builds_nothing_is_refused(option: str, value: Any, told: str, composed: DictConfig):
    with pytest.raises(UserError, match=f"^{told}"):
        check_options(changed(composed, option, value))


def test_a_part_that_may_be_left_out_may_be_null(composed: DictConfig):
    for option in ("target_noise", "callbacks.lpips", "logger.wandb"):
        check_options(changed(composed, option, None))


def test_a_recipe_may_hold_values_of_its_own(composed: DictConfig):
    check_options(changed(composed, "recipe.mine", 3))


def test_the_tree_is_read_as_it_stands():
    cfg = OmegaConf.create({"a": {"b": "???", "c": {"d": 1}}, "e": "${a}", "f": None, 2024: {"g": "???"}})
    assert [name for name, _ in mappings(cfg)] == ["", "a", "a.c", "2024"]
    assert list(options_of(cfg)) == ["a", "e", "f", "2024", "a.b", "a.c", "a.c.d", "2024.g"]
    assert list(missing_in(cfg)) == ["a.b", "2024.g"]


def test_the_annotations_of_a_group_are_those_of_its_dataclass_and_its_class(composed: DictConfig):
    hints = hints_in("trainer", composed.trainer, schema.Trainer)
    assert hints["precision"] == hints_of(schema.Trainer)["precision"]
    assert "accelerator" in hints  # Lightning's own


def test_the_documentation_names_every_option():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it again: python -m tests.options_table"
