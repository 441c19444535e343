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


def test_a_gpu_without_bf16_is_told_of_fp16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda _: False)
    assert choose_precision("auto", "cuda").reason.endswith("; trainer.precision=16 is faster on its tensor cores")
    assert "16" not in choose_precision("auto", "mps").reason.replace("bf16", "")


def test_what_is_requested_is_taken() -> None:
    assert choose_precision(32, "cpu").name == "32"
    assert choose_precision("bf16", "cuda").name == "bf16"


@pytest.mark.parametrize("wrong", ["fp16", "16-mixed", 17, "64"])
def test_other_formats_are_refused(wrong: str | int) -> None:
    with pytest.raises(UserError, match=f"trainer.precision={wrong}: give one of auto, 32, bf16, 16"):
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
    for name, dtype in (("bf16", torch.bfloat16), ("16", torch.float16), ("32", torch.float32)):
        output = choose_precision(name, "cpu").forward(network, torch.rand(1, 3, 8, 8))
        assert seen[-1] == dtype
        assert output.dtype == torch.float32


@pytest.mark.parametrize(
    ("capability", "fits"), [((6, 1), False), ((7, 0), False), ((7, 5), True), ((12, 0), True)]
)
def test_a_gpu_older_than_the_build_is_refused(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], fits: bool
) -> None:
    answers = {
        "is_available": lambda: True,
        "get_arch_list": lambda: ["sm_75", "sm_80", "sm_90a", "sm_120", "compute_120"],
        "get_device_capability": lambda _: capability,
        "get_device_name": lambda _: "GTX 1080",
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    if fits:
        assert choose_precision("32", "cuda:1").name == "32"
        return
    with pytest.raises(UserError, match=r"^GTX 1080 has compute capability \d\.\d, and torch .* needs 7\.5: give"):
        choose_precision("32", "cuda:1")
