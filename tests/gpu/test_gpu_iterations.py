"""GAN iterations on a device, beside the same on a processor and beside themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from lightning import Trainer
from torch import Tensor

from esrgan_train.kernels import exact_float32, kernels_of_training
from esrgan_train.training.module import ESRGANModule
from tests.gpu.small_run import SameBatch, make_batch, make_module, make_step, on_device
from tests.tiny import quiet_trainer

pytestmark = [pytest.mark.gpu, pytest.mark.run]

Weights = dict[str, Tensor]
ITERATIONS = 3


def weights_of(networks: list[torch.nn.Module]) -> Weights:
    return {
        f"{number}.{name}": tensor.detach().cpu().clone()
        for number, network in enumerate(networks)
        for name, tensor in network.state_dict().items()
    }


def train_bare(
    device: torch.device, precision: str = "32", **options: bool
) -> tuple[list[Weights], list[Weights]]:
    """The weights before the first and after each of three GAN iterations, and what each measured."""
    step = on_device(make_step(device, precision=precision, **options), device)
    weights, figures = [weights_of(step.networks)], []
    for done in range(ITERATIONS):
        measured, skip = step(make_batch(device, done), done=done, max_steps=9)
        assert not skip
        weights.append(weights_of([*step.networks]))
        figures.append({name: value.cpu() for name, value in measured.items()})
    return weights, figures


def distance(one: Weights, other: Weights) -> float:
    return float(torch.stack([(one[name] - other[name]).float().norm() for name in one]).norm())


def test_three_gan_iterations_equal_those_of_a_processor(device: torch.device):
    """Sums are rounded in another order, by 1e-7 of their terms, and networks add up some thousand of them.

    So losses agree to 1e-3 with room to spare. Adam turns gradients into steps of the learning rate, whatever
    their size; only where a gradient is nearly zero, in one weight of hundreds, may a step differ by as much as
    itself: a twentieth of the way that all weights have moved.
    """
    with exact_float32():
        (start, *_, theirs), expected = train_bare(torch.device("cpu"))
        (_, *_, ours), found = train_bare(device)
    for got, wanted in zip(found, expected, strict=True):
        for name, value in wanted.items():
            torch.testing.assert_close(got[name], value, rtol=1e-3, atol=1e-4, msg=f"{name}: {got[name]}, {value}")
    moved = distance(start, theirs)
    assert moved > 0
    assert distance(ours, theirs) < 0.05 * moved


@pytest.mark.parametrize("precision", ["32", "bf16"])
def test_with_deterministic_kernels_a_training_repeats_itself(device: torch.device, precision: str):
    with kernels_of_training(deterministic=True, benchmark=False):
        first, second = (train_bare(device, precision, deterministic=True)[0] for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert distance(first[0], first[-1]) > 0


def fit(module: ESRGANModule, device: torch.device, steps: int, **more: object) -> Trainer:
    accelerator = "gpu" if device.type == "cuda" else "cpu"
    trainer = quiet_trainer(accelerator=accelerator, max_steps=steps, max_epochs=-1, log_every_n_steps=50)
    trainer.fit(module, SameBatch(device), **more)
    return trainer


@pytest.mark.filterwarnings("ignore:You defined a `validation_step`", "ignore:`isinstance")
@pytest.mark.parametrize("stop", [2, 5], ids=["in the pixel stage", "in the GAN stage"])
def test_with_deterministic_kernels_a_resumed_run_equals_an_uninterrupted_one(
    device: torch.device, tmp_path: Path, stop: int
):
    def make() -> ESRGANModule:
        return make_module(device, start_step=3, deterministic=True)

    with kernels_of_training(deterministic=True, benchmark=False):
        whole, first, resumed = make(), make(), make()
        fit(whole, device, 7)
        fit(first, device, stop).save_checkpoint(tmp_path / "stopped.ckpt")
        fit(resumed, device, 7, ckpt_path=tmp_path / "stopped.ckpt", weights_only=True)
    ours, theirs = resumed.state_dict(), whole.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert not torch.equal(theirs["generator.body.0.weight"], first.state_dict()["generator.body.0.weight"])
