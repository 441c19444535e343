from __future__ import annotations

from typing import Any

import pytest

from esrgan_train.contracts.part import Part
from esrgan_train.contracts.schedule import check_schedule
from esrgan_train.errors import UserError

MINE = Part(option="scheduler", target="my_parts.Mine")


@pytest.mark.parametrize("factor", [None, float("nan"), -0.5, "1"])
def test_a_factor_that_no_learning_rate_can_have_is_refused(factor: Any) -> None:
    with pytest.raises(UserError, match=r"^scheduler\._target_=my_parts\.Mine: schedule\(9, 10\) is .*from 0 on"):
        check_schedule(lambda done, steps: factor if done == steps - 1 else 1.0, MINE, max_steps=10)


def test_a_sound_schedule_passes() -> None:
    check_schedule(lambda done, steps: 1 - done / steps, MINE, max_steps=10)
