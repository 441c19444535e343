from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MultipleOf, Predicate

from esrgan_train.bounds import Count, Fraction, Seed, Wanted, bounded, check_fields, check_value, fits, in_words
from esrgan_train.errors import UserError


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (int, [0, -3], [True, 4.0, "4", None]),
        (float, [1, 0.5], [True, "0.5", None]),
        (bool, [True, False], [1, "true", None]),
        (str, ["a", 123, Path("a")], [True, None, ["a"]]),
        (Count, [1, 9], [0, -1, True, 1.0, "1"]),
        (Fraction, [0, 1, 0.5], [-0.1, 1.1, float("nan"), True]),
        (Seed, [0, 2**32 - 1], [2**32, -1]),
        (Annotated[float, Interval(gt=0, lt=1)], [0.5], [0, 1, float("inf")]),
        (Annotated[int, MultipleOf(8)], [8, 64], [9]),
        (Literal["auto", "32"], ["auto", "32", 32], ["16", True, None]),
        (Count | None, [3, None], [0, "null"]),
        (tuple[float, float], [[1, 2.5], (1, 2)], [[1], [1, 2, 3], 5, "ab", ["a", "b"]]),
        (Sequence[Count], [[1], (2, 3), []], [[0], ["1"], 1, "1"]),
        (tuple[int, ...], [[], [1, 2]], [["a"]]),
        (Annotated[str, Predicate(str.isupper)], ["A"], ["a"]),
        (Any, [object(), None], []),
        (dict[str, int], [{}], [[]]),
        (Path | None, ["a", None], [True]),
    ],
)
def test_a_value_fits_its_annotation(hint: Any, right: list[Any], wrong: list[Any]) -> None:
    assert [value for value in right if not fits(value, hint)] == []
    assert [value for value in wrong if fits(value, hint)] == []


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Count, "a whole number from 1 on"),
        (Fraction, "a number from 0 to 1"),
        (Seed, "a whole number from 0 to 4294967295"),
        (Annotated[float, Gt(0), Wanted("such as 1e-4")], "a number above 0, such as 1e-4"),
        (Annotated[float, Gt(0), Le(1)], "a number above 0 and up to 1"),
        (Annotated[float, Ge(0), Lt(1)], "a number from 0 to below 1"),
        (Annotated[str, Wanted("a folder")] | None, "a folder or null"),
        (Literal["auto"] | Count, "auto or a whole number from 1 on"),
        (Literal["a", "b"], "one of a, b"),
        (tuple[Count, Count], "a list of 2, each a whole number from 1 on"),
    ],
)
def test_a_message_says_what_to_give(hint: Any, words: str) -> None:
    assert in_words(hint) == words
    with pytest.raises(UserError) as error:
        check_value("data.option", [[]], hint)
    assert str(error.value) == f"data.option=[[]]: give {words}"


class Built:
    @bounded
    def __init__(self, size: Count, *, share: Fraction = 0.5, odds: Sequence[float] = ()) -> None:
        self.arguments = (size, share, odds)


@dataclass(frozen=True)
class Fields:
    size: Count = 1

    def __post_init__(self) -> None:
        check_fields(self, at="some.")


def test_arguments_are_checked_when_the_object_is_built() -> None:
    assert Built(3, odds=iter([1.0])).arguments[:2] == (3, 0.5)
    with pytest.raises(UserError, match=r"^size=0: give a whole number from 1 on$"):
        Built(0)
    with pytest.raises(UserError, match=r"^share=2: give a number from 0 to 1$"):
        Built(size=1, share=2)
    with pytest.raises(TypeError, match="missing"):
        Built()  # type: ignore[call-arg]
    with pytest.raises(UserError, match=r"^some\.size=true: "):
        Fields(size=True)


def test_a_derived_class_checks_its_own_arguments_alone() -> None:
    class Other(Built):
        def __init__(self, size: int) -> None:
            super().__init__(size + 1)

    assert Other(0).arguments[0] == 1
