"""Which operations an iteration consists of: none that has no deterministic kernel on CUDA."""

from __future__ import annotations

from typing import Any

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from esrgan_train.archs.cpu import doubled_conv
from esrgan_train.archs.doubling import double_by_products
from esrgan_train.losses.perceptual import PerceptualLoss

# Those for which torch.use_deterministic_algorithms raises on CUDA, by its documentation, as ATen names them; the
# last line's have another, slower kernel then.
RAISING = {
    *("avg_pool3d_backward", "_adaptive_avg_pool2d_backward", "_adaptive_avg_pool3d_backward"),
    *("adaptive_max_pool2d_backward", "fractional_max_pool2d_backward", "fractional_max_pool3d_backward"),
    *("max_unpool2d", "max_unpool3d", "upsample_linear1d_backward", "upsample_bilinear2d_backward"),
    *("upsample_bicubic2d_backward", "upsample_trilinear3d_backward", "reflection_pad1d_backward"),
    *("reflection_pad2d_backward", "reflection_pad3d_backward", "nll_loss2d_forward", "_ctc_loss_backward"),
    *("_embedding_bag", "put_", "histc", "bincount", "kthvalue", "median", "grid_sampler_2d_backward"),
    "grid_sampler_3d_backward",
    *("cumsum", "index_put_", "index_add_", "scatter_add_", "scatter_reduce", "replication_pad2d_backward"),
}


class Operations(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func._opname)
        return func(*args, **(kwargs or {}))


def operations(make_step: Any, make_objective: Any, batch: Any, **options: Any) -> set[str]:
    """Those of two iterations, passes back included."""
    perceptual = PerceptualLoss(features="random", layers={"conv2_2": 1.0})
    step = make_step(make_objective(perceptual=perceptual), grad_clip=1.0, **options)
    step.make_optimizers()
    with Operations() as seen:
        for done in range(2):
            step(batch, done=done, max_steps=9)
    return seen.names


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "published"])
def test_an_iteration_has_no_operation_that_cannot_repeat_itself(
    make_step: Any, make_objective: Any, batches: Any, monkeypatch: pytest.MonkeyPatch, shared: bool
):
    monkeypatch.setattr(doubled_conv, "double", double_by_products)  # as on CUDA
    names = operations(make_step, make_objective, batches[0], shared_fake_forward=shared)
    assert not names & RAISING
    assert {"convolution_backward", "max_pool2d_with_indices_backward", "bmm"} <= names


def test_interpolate_would_be_found(make_step: Any, make_objective: Any, batches: Any):
    assert "upsample_bilinear2d_backward" in operations(make_step, make_objective, batches[0])
