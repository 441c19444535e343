from __future__ import annotations

import pytest
import torch

from esrgan_train.errors import UserError
from esrgan_train.training import precision
from esrgan_train.training.precision import choose_precision


@pytest.mark.parametrize(("native", "expected"), [(True, "bf16"), (False, "32")])
def test_auto_takes_bf16_only_where_it_is_native(
    monkeypatch: pytest.MonkeyPatch, native: bool, expected: str
) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda _: native)
    chosen = choose_precision("auto", "cpu")
    assert chosen.name == expected
    assert "bf16" in chosen.reason


def test_what_is_requested_is_taken() -> None:
    assert choose_precision(32, "cpu").name == "32"
    assert choose_precision("bf16", "cuda").name == "bf16"


@pytest.mark.parametrize("wrong", ["16", "fp16", "16-mixed", 17, "64"])
def test_other_formats_are_refused(wrong: str | int) -> None:
    with pytest.raises(UserError, match=f"trainer.precision={wrong}: give one of auto, 32, bf16"):
        choose_precision(wrong, "cpu")


def test_the_cpus_own_flags_decide() -> None:
    flags = {"avx512_bf16", "amx_bf16", "amx_tile"}
    with open("/proc/cpuinfo") as file:  # noqa: PTH123 — Linux's own account of the processor
        native = bool(flags & set(file.read().split()))
    assert precision.multiplies_bf16("cpu") is native


def test_autocast_computes_in_the_format() -> None:
    network = torch.nn.Conv2d(3, 3, 3)
    seen: list[torch.dtype] = []
    network.register_forward_hook(lambda *call: seen.append(call[-1].dtype))
    for name, dtype in (("bf16", torch.bfloat16), ("32", torch.float32)):
        output = choose_precision(name, "cpu").forward(network, torch.rand(1, 3, 8, 8))
        assert seen[-1] == dtype
        assert output.dtype == torch.float32
