"""training.compile: the same training, compiled once for each use, and named errors where that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.utils import counters
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler

from esrgan_train.errors import UserError
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.compiling import compile_networks
from esrgan_train.training.step import TrainingStep

MakeStep = Callable[..., TrainingStep]


def batch() -> dict[str, Tensor]:
    hr = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    return {"lr": nn.functional.avg_pool2d(hr, 4), "hr": hr, "hr_target": hr}


@pytest.mark.tools  # a minute: the C++ compiler runs
@pytest.mark.parametrize("shared_fake_forward", [True, False])
def test_compiled_iterations_are_the_plain_ones(
    make_step: MakeStep, make_objective: Any, shared_fake_forward: bool
):
    torch._dynamo.reset()
    counters.clear()
    steps, measured = {}, {}
    for compiled in (False, True):
        perceptual = PerceptualLoss(features="random", layers={"conv2_2": 1.0})
        objective = make_objective(perceptual=perceptual, start_step=2)
        step = make_step(objective, compile=compiled, shared_fake_forward=shared_fake_forward)
        step.make_optimizers()
        measured[compiled] = [step(batch(), done=done, max_steps=8)[0] for done in range(5)]
        steps[compiled] = step
    for plain, fused in zip(measured[False], measured[True], strict=True):
        for name, value in plain.items():
            torch.testing.assert_close(fused[name], value, rtol=1e-3, atol=1e-5)
    for one, other in zip(steps[True].networks, steps[False].networks, strict=True):
        assert list(one.state_dict()) == list(other.state_dict())  # so either resumes from the other's checkpoint
        torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=2e-3, atol=2e-4)
    # Generator, discriminator (as its weights learn or not, and as its input does), perceptual network.
    assert counters["stats"]["unique_graphs"] <= 8, counters["stats"]
    assert not counters["recompile_limit"]
    before = counters["stats"]["unique_graphs"]
    for done in range(5, 8):
        steps[True](batch(), done=done, max_steps=8)
    steps[True].ema.module(torch.rand(1, 3, 19, 11))
    assert counters["stats"]["unique_graphs"] == before


def test_without_a_compiler_one_line_says_so():
    def none() -> str:
        raise InvalidCxxCompiler

    with patch.object(cpp_builder, "get_cpp_compiler", none), pytest.raises(UserError, match=r"install g\+\+ or"):
        compile_networks([nn.Conv2d(1, 1, 1)], "cpu")
    with (
        patch("torch.utils._triton.has_triton_package", lambda: False),
        pytest.raises(UserError, match=r"training\.compile=true needs the package triton"),
    ):
        compile_networks([nn.Conv2d(1, 1, 1)], "cuda")
