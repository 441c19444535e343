"""training.compile: the same training, compiled once for each use, and named errors where that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partialmethod
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import torch._functorch.config as functorch
from torch import Tensor, nn
from torch._dynamo.utils import counters
from torch._inductor import cpp_builder
from torch._inductor.exc import InvalidCxxCompiler
from torch.utils.data import DataLoader

from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.errors import UserError
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training import compiling
from esrgan_train.training.buffers import power_vectors
from esrgan_train.training.compiling import compile_networks
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import Precision
from esrgan_train.training.step import TrainingStep
from tests.tiny import quiet_trainer

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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All of torch.compile but its last step, which takes minutes: graphs as compiled, kernels plain."""
    monkeypatch.setattr(nn.Module, "compile", partialmethod(nn.Module.compile, backend="aot_eager"))
    torch._dynamo.reset()
    counters.clear()
    with functorch.patch(donated_buffer=True):  # torch's default, given back
        yield
    torch._dynamo.reset()


def pair(make_step: MakeStep, make_objective: Any, **options: Any) -> tuple[TrainingStep, TrainingStep]:
    """The same step twice, the second one compiled; both with optimizers."""
    of_objective = {name: options.pop(name) for name in ("start_step", "discriminator_warmup") if name in options}
    steps = []
    for compiled in (False, True):
        perceptual = PerceptualLoss(features="random", layers={"conv2_2": 1.0})
        steps.append(make_step(make_objective(perceptual=perceptual, **of_objective), compile=compiled, **options))
        steps[-1].make_optimizers()
    return steps[0], steps[1]


def assert_alike(plain: TrainingStep, fused: TrainingStep, iterations: range, tolerance: float = 1e-3) -> None:
    """Measures and the vectors of spectral normalization after each iteration."""
    for done in iterations:
        expected, found = (step(batch(), done=done, max_steps=20)[0] for step in (plain, fused))
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=tolerance, atol=tolerance / 10, msg=name)
        vectors = [list(power_vectors(step.discriminators["discriminator"])) for step in (plain, fused)]
        for one, other in zip(*vectors, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=tolerance / 10)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "published"])
def test_each_network_is_compiled_once_for_each_use(
    make_step: MakeStep, make_objective: Any, shared: bool, accumulate: int
):
    plain, fused = pair(make_step, make_objective, start_step=2, shared_fake_forward=shared, accumulate=accumulate)
    for step in (plain, fused):
        step.rehearse(batch(), "gan")
    # The generator; the discriminator, where its image has a gradient and where not; the perceptual network.
    assert counters["stats"]["unique_graphs"] == 4
    assert_alike(plain, fused, range(5))
    fused.ema.module(torch.rand(1, 3, 19, 11))  # as in validation
    assert counters["stats"]["unique_graphs"] == 4
    assert not counters["graph_break"]


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("shared", [True, False], ids=["shared", "published"])
def test_the_end_of_a_warm_up_needs_other_gradients_of_the_same_pass(
    make_step: MakeStep, make_objective: Any, shared: bool
):
    assert_alike(*pair(make_step, make_objective, discriminator_warmup=2, shared_fake_forward=shared), range(4))


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("quick")
@pytest.mark.filterwarnings("error:Dynamo detected")  # a call that the graph would hide
@pytest.mark.parametrize("name", ["bf16", "16"])
def test_lower_formats_are_compiled_too(make_step: MakeStep, make_objective: Any, name: str):
    precision = Precision(name, "cpu", "as requested")
    plain, fused = pair(make_step, make_objective, start_step=1, precision=precision)
    for done in range(3):
        expected, found = (step(batch(), done=done, max_steps=20) for step in (plain, fused))
        assert found[1] == expected[1] == 0
        for figure in ("pixel", "d_real", "grad_norm_generator") if done else ("pixel",):
            torch.testing.assert_close(found[0][figure], expected[0][figure], rtol=0.02, atol=1e-3)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("first", [False, True], ids=["plain first", "compiled first"])
def test_a_run_goes_on_from_the_others_checkpoint(
    make_step: MakeStep, make_objective: Any, tmp_path: Path, first: bool
):
    loader = DataLoader([batch()] * 12, batch_size=None)

    def train(compiled: bool, steps: int, ckpt_path: Path | None = None) -> Any:
        step = make_step(make_objective(start_step=2), compile=compiled)
        trainer = quiet_trainer(max_steps=steps, max_epochs=-1)
        trainer.fit(ESRGANModule(step, upscale=4, metadata={}), loader, ckpt_path=ckpt_path, weights_only=True)
        return trainer

    train(first, 3).save_checkpoint(tmp_path / "stopped.ckpt")
    resumed = train(not first, 3 + 2, tmp_path / "stopped.ckpt").lightning_module.state_dict()
    torch._dynamo.reset()
    whole, stopped = (train(first, steps).lightning_module.state_dict() for steps in (5, 3))
    assert list(resumed) == list(whole)
    torch.testing.assert_close(resumed, whole, rtol=0, atol=1e-4)
    assert (whole["generator.body.0.weight"] - stopped["generator.body.0.weight"]).abs().max() > 1e-4


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
    with (
        patch("torch.utils._triton.has_triton_package", lambda: True),
        patch.object(compiling.shutil, "which", lambda _: None),
        patch.dict(compiling.os.environ),
        pytest.raises(UserError, match="needs a C compiler, and none is found: install gcc or set CC, or"),
    ):
        compiling.os.environ.pop("CC", None)
        compile_networks([nn.Conv2d(1, 1, 1)], "cuda")
    with (
        patch.object(cpp_builder, "get_cpp_compiler", lambda: "g++"),
        patch.object(compiling.sysconfig, "get_path", lambda _: "/nowhere"),
        pytest.raises(UserError, match=r"/nowhere/Python\.h is missing: install them .*, or give"),
    ):
        compile_networks([nn.Conv2d(1, 1, 1)], "cpu")


@pytest.mark.tools  # the C++ compiler runs
@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_branches_are_compiled_as_one_graph(make_step: MakeStep, make_objective: Any, precision: str):
    torch._dynamo.reset()
    counters.clear()
    measured = []
    for compiled in (False, True):
        torch.manual_seed(0)
        generator = RepSR(num_feat=8, num_conv=2, upscale=4)
        chosen = Precision(precision, "cpu", "as requested")
        objective = make_objective(start_step=9)
        step = make_step(objective, compile=compiled, generator=generator, precision=chosen, channels_last=True)
        step.make_optimizers()
        measured.append([step(batch(), done=done, max_steps=8)[0]["pixel"] for done in range(4)])
    torch.testing.assert_close(*measured, rtol=1e-3 if precision == "32" else 1e-2, atol=1e-4)
    assert not counters["graph_break"], counters["graph_break"]
