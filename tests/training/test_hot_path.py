"""An iteration on CUDA never waits for the device: traced on fake CUDA tensors, without a GPU.

Gradients are made up, and everything around is the real code.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException

from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.inference.geometry import Geometry
from esrgan_train.losses.adversarial import AdversarialLoss, HingeLoss, LeastSquaresLoss, VanillaLoss
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.precision import Precision
from esrgan_train.training.teacher import Teacher
from tests.fake_cuda import fake_cuda, made_up_gradients
from tests.losses.every import LOSSES

MakeModule = Callable[..., ESRGANModule]
SIZE, BATCH, DONE, LAST = 64, 2, 7, 100


class Stepper:
    """In place of an optimizer and of its wrapper: has learning rates, and only counts its steps."""

    def __init__(self) -> None:
        self.optimizer = self
        self.param_groups = [{"lr": 1e-4, "initial_lr": 1e-4, "fused": True}]
        self.found_inf: Tensor | None = None
        self.steps = 0

    def step(self) -> None:
        assert self.found_inf is not None
        assert self.found_inf.device.type == "cuda"
        self.steps += 1

    def zero_grad(self) -> None: ...


def run_iteration(module: ESRGANModule) -> list[Stepper]:
    """``training_step`` between two lines of the log, as the trainer calls it."""
    steppers = [Stepper() for _ in module.players]
    for player, stepper in zip(module.step.players, steppers, strict=True):
        player.optimizer = stepper  # type: ignore[assignment]
    module._trainer = SimpleNamespace(  # type: ignore[assignment]
        global_step=DONE, max_steps=LAST, world_size=1, log_every_n_steps=50, should_stop=False
    )
    module.optimizers = lambda: steppers  # type: ignore[assignment,method-assign]
    low = torch.rand(BATCH, 3, SIZE // 4, SIZE // 4)
    high = torch.rand(BATCH, 3, SIZE, SIZE)
    batch = {"lr": low, "hr": high, "hr_target": high, "index": torch.arange(BATCH, device="cpu")}
    networks = [network for network in (module.generator, module.discriminator) if network is not None]
    with made_up_gradients(*networks):
        module.training_step(batch, 0)
    return steppers


@pytest.mark.run
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shared_fake_forward": False},
        {"accumulate": 2},
        {"grad_clip": 0.1},
        {"ema_warmup": True},
        {"channels_last": True},
        {"precision": Precision("bf16", "cuda", "as requested")},
        {"precision": Precision("16", "cuda", "as requested")},
    ],
    ids=lambda options: options["precision"].name if "precision" in options else next(iter(options), "plain"),
)
@pytest.mark.parametrize("start_step", [0, LAST - 1], ids=["gan stage", "pixel stage"])
def test_an_iteration_never_waits_for_the_device(
    make_module: MakeModule, make_objective: Callable[..., Any], start_step: int, options: dict[str, Any]
):
    with fake_cuda() as copies:
        perceptual = PerceptualLoss(features="random")
        objective = make_objective(perceptual=perceptual, perceptual_weight=1.0, start_step=start_step)
        module = make_module(objective, **options)
        assert {parameter.device.type for parameter in module.parameters()} == {"cuda"}
        copies.forget()
        steppers = run_iteration(module)
    assert copies.found == copies.sent == []
    lower = {"bf16": torch.bfloat16, "16": torch.float16}.get(module.precision.name)
    assert copies.formats.count(lower or torch.float32) == len(copies.formats) > 0
    assert sum(stepper.steps for stepper in steppers) == (2 if start_step == 0 else 1)


@pytest.mark.parametrize("name", ["32", "bf16"])
def test_merging_branches_never_waits_for_the_device(
    make_module: MakeModule, make_objective: Callable[..., Any], name: str
):
    with fake_cuda() as copies:
        generator = RepSR(num_feat=4, num_conv=2, upscale=4)
        options = {"channels_last": True, "precision": Precision(name, "cuda", "as requested")}
        module = make_module(make_objective(start_step=LAST - 1), generator=generator, **options)
        copies.forget()
        run_iteration(module)
    assert copies.found == copies.sent == []


@pytest.mark.parametrize(
    "adversarial", [VanillaLoss(), LeastSquaresLoss(), HingeLoss()], ids=lambda x: type(x).__name__
)
def test_no_adversarial_loss_waits_for_the_device(
    make_module: MakeModule, make_objective: Callable[..., Any], adversarial: AdversarialLoss
):
    with fake_cuda() as copies:
        run_iteration(make_module(make_objective(adversarial=adversarial)))
    assert copies.found == []


@pytest.mark.parametrize("loss", [*LOSSES, nn.L1Loss(), nn.MSELoss()], ids=lambda x: type(x).__name__)
def test_no_image_loss_waits_for_the_device(
    make_module: MakeModule, make_objective: Callable[..., Any], loss: nn.Module
):
    taught = "teacher_sr" in getattr(loss, "takes", ())
    with fake_cuda() as copies:
        network = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=4).to("cuda")
        teacher = Teacher(network, Geometry(scale=4, radius=3)) if taught else None
        run_iteration(make_module(make_objective(pixel=loss), teacher=teacher))
    assert copies.found == []


class Bad(nn.Module):
    """A pixel loss with one of the faults that this test is to find."""

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        loss = (sr - hr).abs().mean()
        if self.fault == "item":
            return loss * loss.item()
        if self.fault == "branch":
            return loss if loss > 0 else -loss
        if self.fault == "device":
            return loss * torch.ones(3, device="cpu").sum().expand(1)
        return loss + loss.cpu().to("cuda")


@pytest.mark.parametrize("fault", ["item", "branch", "device", "copy"])
def test_each_fault_would_be_found(make_module: MakeModule, make_objective: Callable[..., Any], fault: str):
    with fake_cuda() as copies:
        module = make_module(make_objective(pixel=Bad(fault)))
        if fault == "copy":
            run_iteration(module)
        elif fault == "device":
            with pytest.raises(RuntimeError, match="device"):
                run_iteration(module)
        else:
            with pytest.raises(DataDependentOutputException):
                run_iteration(module)
    assert bool(copies.found) is (fault == "copy")
