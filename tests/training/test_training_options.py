from __future__ import annotations

from typing import Any

import pytest

from esrgan_train.errors import UserError
from esrgan_train.training.options import Options

SOUND = {
    "ema_decay": 0.999,
    "ema_warmup": True,
    "grad_clip": None,
    "accumulate": 1,
    "channels_last": True,
    "compile": False,
    "shared_fake_forward": True,
    "deterministic": False,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("ema_decay", decay) for decay in (-0.1, 1.0, float("nan"))),
        *(("grad_clip", limit) for limit in (0, -1.0, float("inf"))),
        *(("accumulate", parts) for parts in (0, 1.5, True)),
        ("compile", "yes"),
        ("deterministic", "warn"),
    ],
)
def test_values_out_of_bounds_are_refused_by_their_full_name(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"^training.{name}="):
        Options(**{**SOUND, name: value})
    Options(**SOUND)
