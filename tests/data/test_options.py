from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from esrgan_train.config import config_dir
from esrgan_train.data.options import StreamOptions
from esrgan_train.errors import UserError
from tests.data.small import stream_options


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("seed", [-1, 2**32, 1.5, True, "7"], "a whole number from 0 to 4294967295"),
        ("gt_size", [0, 4, -8, 96.0, "96"], "a whole number from 8 on"),
        ("batch_size", [0, 2.0, True], "a whole number from 1 on"),
        ("accumulate", [0], "a whole number from 1 on"),
        ("num_workers", [-1, 1.5, "many", None, True], "auto or a whole number from 0 on"),
        ("usm", [1, "yes"], "true or false"),
        ("cache_mb", [-1, float("inf"), "a"], "a number from 0 on"),
        ("max_bad_fraction", [-0.1, 1.1, float("nan"), "a"], "a number from 0 to 1"),
        ("val_max_size", [63, 0, -1, 100.5, True, "all"], "a whole number from 64 on or null"),
        ("overfit_samples", [0, -1, 1.5, True], "a whole number from 1 on or null"),
        ("scales", [[], [0], [1.5], ["a"], "1", 1, None, [float("nan")]], "a list, each item a number above 0"),
        ("val_clean", [None], "true or false"),
    ],
)
def test_wrong_values_are_refused(name: str, values: list[Any], wanted: str) -> None:
    for value in values:
        with pytest.raises(UserError) as caught:
            stream_options(**{name: value})
        assert str(caught.value).startswith(f"data.{name}=")
        assert f"give {wanted}" in str(caught.value)


@pytest.mark.parametrize(
    ("gt_size", "upscale", "remedy"),
    [(100, 4, "give 96 or 104"), (100, 3, "give 96 or 120"), (8, 16, "give 16")],
)
def test_a_wrong_gt_size_names_the_nearest_right_ones(gt_size: int, upscale: int, remedy: str) -> None:
    with pytest.raises(UserError, match=remedy) as caught:
        stream_options(gt_size=gt_size, upscale=upscale)
    assert f"data.gt_size={gt_size} is not a multiple of" in str(caught.value)


@pytest.mark.parametrize(("gt_size", "upscale"), [(8, 4), (96, 3), (256, 4), (120, 5), (48, 16)])
def test_right_gt_sizes_pass(gt_size: int, upscale: int) -> None:
    assert stream_options(gt_size=gt_size, upscale=upscale).gt_size == gt_size


def test_each_option_of_every_source_stands_in_the_base_configuration() -> None:
    base = OmegaConf.load(config_dir() / "data" / "base.yaml")
    assert {*map(str, base)} | {"scales", "val_clean"} == {*StreamOptions.__annotations__}
