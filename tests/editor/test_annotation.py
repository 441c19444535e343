"""An annotation's JSON Schema takes what ``bounds.fits`` takes, told by the validator of jsonschema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from annotated_types import Ge, Gt, Interval, Le, Lt, MinLen, MultipleOf

from esrgan_train.bounds import Count, Fraction, Wanted, fits
from esrgan_train.editor.annotation import or_reference, schema_of

HINTS = [
    int,
    float,
    bool,
    str,
    Path,
    None,
    list,
    Any,
    Count,
    Fraction,
    Annotated[float, Gt(0), Lt(1), Wanted("such as 0.5")],
    Annotated[int, Interval(ge=2, le=8)],
    Annotated[int, MultipleOf(8)],
    Annotated[Count | None, Wanted("for none")],
    Annotated[int | None, Ge(1), Le(5)],
    Annotated[Annotated[int, Ge(1)] | Annotated[float, Gt(0), Le(1)] | None, Wanted("for all")],
    Literal["auto", "32", "bf16"],
    Literal["auto"] | Count,
    Annotated[Sequence[Fraction], MinLen(1)],
    tuple[Count, Count],
    tuple[Literal["a", "b"], ...],
    Mapping[str, float],
    list[int] | str,
    ValueError,
]
VALUES = [
    *(0, 1, 2, 5, 8, 9, 32, -1, 0.5, 1.5, True, None, "auto", "bf16", "32", "a", "text"),
    *([], [1], [0.5, 2], [1, 2], ["a"], ["a", "b"], {"x": 1}),
]


@pytest.mark.parametrize("hint", HINTS, ids=str)
def test_a_schema_takes_what_the_check_takes(hint: Any):
    schema = schema_of(hint)
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    taken = [value for value in VALUES if validator.is_valid(value)]
    assert taken == [value for value in VALUES if fits(value, hint)]


@pytest.mark.parametrize("hint", [Count, bool, Literal["a", "b"], tuple[Count, Count], Count | None], ids=str)
def test_another_option_may_stand_in_place_of_a_value(hint: Any):
    validator = jsonschema.Draft7Validator(or_reference(schema_of(hint)))
    for reference in ("${upscale}", "${tenth:${recipe.max_steps}}", "???"):
        assert validator.is_valid(reference)
    assert not validator.is_valid("upscale")
    assert not validator.is_valid(1.5)


def test_text_takes_references_as_it_is():
    assert or_reference(schema_of(str)) == schema_of(str)
