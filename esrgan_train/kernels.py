"""How a GPU computes: in TF32 or in float32, with kernels that repeat their results or with the fastest ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from esrgan_train.errors import UserError

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_WORKSPACES = (":4096:8", ":16:8")  # with which cuBLAS repeats its results; the first is the faster one


@contextmanager
def exact_float32() -> Iterator[None]:
    """Within, CUDA multiplies float32 as such: no TF32, whose products have 10 bits after the point.

    For what is measured or must be right to a level of 255: metrics, validation, rendering.
    """
    with _tf32(convolutions=False):
        yield


@contextmanager
def kernels_of_training(*, deterministic: bool, benchmark: bool) -> Iterator[None]:
    """Within, CUDA computes as training shall; afterwards everything is as it was, but for one variable.

    Convolutions in float32 take TF32, which keeps three bits more than bf16; matrix products, which here are the
    discriminator's singular values and the resizing of images, stay float32.

    Args:
        deterministic: only kernels that give the same result each time; an operation without one raises
            ``RuntimeError``. ``CUBLAS_WORKSPACE_CONFIG`` stays set, since cuBLAS reads it once a process.
        benchmark: let cuDNN try all its algorithms on each new shape; not with ``deterministic``.

    Raises:
        UserError: cuBLAS has already been started without what ``deterministic`` needs.
    """
    if deterministic:
        prepare_cublas()
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = benchmark and not deterministic
    try:
        with _tf32(convolutions=True), _deterministic() if deterministic else nullcontext():
            yield
    finally:
        torch.backends.cudnn.benchmark = before


def require_determinism() -> None:
    """``UserError`` outside of ``kernels_of_training(deterministic=True)``."""
    if not torch.are_deterministic_algorithms_enabled():
        raise UserError(
            "training.deterministic=true has to be known before anything is built: enter "
            "esrgan_train.kernels.kernels_of_training(deterministic=True, benchmark=False) first, as train() does"
        )


@contextmanager
def any_shape() -> Iterator[None]:
    """Within, cuDNN takes its first choice: trying out all its algorithms does not pay for shapes seen once."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def prepare_cublas() -> None:
    """Let cuBLAS repeat its results; it reads the variable when it starts, and child processes inherit it.

    Raises:
        UserError: it has another value, or CUDA has started without it.
    """
    given = os.environ.get(_WORKSPACE)
    if given in _WORKSPACES:
        return
    if given is None and not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        os.environ[_WORKSPACE] = _WORKSPACES[0]
        return
    late = f"is {given}" if given is not None else "was not set before CUDA started in this process"
    raise UserError(f"training.deterministic=true: {_WORKSPACE} {late}: start Python with {_WORKSPACE}=:4096:8")


@contextmanager
def _tf32(*, convolutions: bool) -> Iterator[None]:
    # Read by the names that never raise; set by those that torch.compile reads too.
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = _is_tf32(matmul), _is_tf32(cudnn.conv)  # type: ignore[attr-defined]
    matmul.allow_tf32, cudnn.allow_tf32 = False, convolutions
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before


def _is_tf32(operations: object) -> bool:
    return bool(getattr(operations, "fp32_precision") == "tf32")  # noqa: B009 — unknown to the type stubs


@contextmanager
def _deterministic() -> Iterator[None]:
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.deterministic,
        torch.utils.deterministic.fill_uninitialized_memory,  # type: ignore[attr-defined]
    )
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cudnn.deterministic = True
    # Else every new tensor is filled with NaN first, against code that reads what it has not written.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.deterministic = before[2]
        torch.utils.deterministic.fill_uninitialized_memory = before[3]  # type: ignore[attr-defined]
