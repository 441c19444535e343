from __future__ import annotations

import argparse

import pytest

from esrgan_train.arguments import number
from esrgan_train.bounds import Count, Positive


@pytest.mark.parametrize(
    ("text", "hint", "value"), [("3", Count, 3), ("1.5", Positive, 1.5), ("1e-3", Positive, 1e-3)]
)
def test_a_number_within_its_bounds_is_read(text, hint, value):
    read = number(hint)(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "hint", "words"),
    [
        ("0", Count, "0: give a whole number from 1 on"),
        ("2.0", Count, "2.0: give a whole number from 1 on"),
        ("0", Positive, "0: give a number above 0"),
        ("inf", Positive, "inf: give a number above 0"),
        ("nan", Positive, "nan: give a number above 0"),
        ("much", Positive, "much: give a number above 0"),
    ],
)
def test_another_is_refused_with_what_to_give(text, hint, words):
    with pytest.raises(argparse.ArgumentTypeError, match=words):
        number(hint)(text)
