"""The flags by which PyTorch chooses kernels; they exist without a GPU too."""

from __future__ import annotations

import os

import pytest
import torch

from esrgan_train.errors import UserError
from esrgan_train.kernels import any_shape, exact_float32, kernels_of_training, prepare_cublas

VARIABLE = "CUBLAS_WORKSPACE_CONFIG"


def flags() -> dict[str, object]:
    cudnn = torch.backends.cudnn
    return {
        "conv": cudnn.conv.fp32_precision == "tf32",
        "matmul": torch.backends.cuda.matmul.fp32_precision == "tf32",
        "benchmark": cudnn.benchmark,
        "cudnn.deterministic": cudnn.deterministic,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn_only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "fill": torch.utils.deterministic.fill_uninitialized_memory,
    }


@pytest.fixture
def without_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)


@pytest.fixture(params=[False, True], ids=["as PyTorch starts", "set by the caller"])
def before(request: pytest.FixtureRequest) -> object:
    """The flags as they are, or all of them otherwise."""
    kept = flags()
    if request.param:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = False, True
        torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = True
        torch.use_deterministic_algorithms(mode=True, warn_only=True)
    yield flags()
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept["conv"], kept["matmul"]
    torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic = (
        kept["benchmark"],
        kept["cudnn.deterministic"],
    )
    torch.use_deterministic_algorithms(kept["deterministic"], warn_only=kept["warn_only"])


def test_exact_float32_turns_tf32_off_and_gives_it_back_also_after_an_error(before: object):
    with pytest.raises(ZeroDivisionError), exact_float32():
        assert not flags()["conv"]
        assert not flags()["matmul"]
        raise ZeroDivisionError
    assert flags() == before


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.usefixtures("without_variable")
def test_training_sets_every_flag_and_gives_it_back(before: object, deterministic: bool):
    with pytest.raises(ZeroDivisionError), kernels_of_training(deterministic=deterministic, benchmark=True):
        inside = flags()
        assert (inside["conv"], inside["matmul"]) == (True, False)
        assert inside["benchmark"] is not deterministic
        if deterministic:
            assert inside["deterministic"]
            assert not inside["warn_only"]
            assert inside["cudnn.deterministic"]
            assert os.environ[VARIABLE] == ":4096:8"
        with exact_float32(), any_shape():
            assert not flags()["conv"]
            assert not flags()["benchmark"]
        assert flags() == inside
        raise ZeroDivisionError
    assert flags() == before


def test_after_a_caller_who_mixed_the_old_and_the_new_names_both_can_be_read():
    matmul = torch.backends.cuda.matmul
    matmul.fp32_precision = "tf32"
    try:
        with pytest.raises(RuntimeError):
            bool(matmul.allow_tf32)
        with exact_float32():
            assert matmul.allow_tf32 is False
        assert matmul.allow_tf32 is True
    finally:
        matmul.allow_tf32 = False


@pytest.mark.usefixtures("without_variable")
def test_cublas_takes_an_own_choice(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, ":16:8")
    prepare_cublas()
    assert os.environ[VARIABLE] == ":16:8"


@pytest.mark.usefixtures("without_variable")
def test_where_cublas_can_no_longer_be_prepared_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with pytest.raises(UserError, match=r"CUDA started in this process: start Python with CUBLAS.*=:4096:8$"):
        prepare_cublas()
    monkeypatch.setenv(VARIABLE, ":4096:8")
    prepare_cublas()  # a second run in one process
    monkeypatch.setenv(VARIABLE, ":0:0")
    with pytest.raises(UserError, match="is :0:0"):
        prepare_cublas()
