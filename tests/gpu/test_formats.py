"""Number formats on the device."""

from __future__ import annotations

import pytest
import torch

from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import UserError
from esrgan_train.training.compiling import compile_networks
from esrgan_train.training.step import TrainingStep
from tests.gpu.small_run import make_batch, make_step

pytestmark = pytest.mark.gpu


def started(device: torch.device, **options: object) -> TrainingStep:
    step = make_step(device, **options)  # type: ignore[arg-type]
    for part in (*step.networks, step.ema, step.objective):
        part.to(device)
    step.make_optimizers()
    return step


def losses(step: TrainingStep, device: torch.device, iterations: int = 3) -> list[dict[str, float]]:
    found = []
    for done in range(iterations):
        measured, skip = step(make_batch(device, done), done=done, max_steps=10)
        assert not skip
        found.append({name: value.item() for name, value in measured.items()})
    return found


@pytest.mark.parametrize("shared_fake_forward", [True, False], ids=["shared", "published"])
@pytest.mark.parametrize("precision", ["bf16", "16"])
def test_lower_formats_train_near_float32(device: torch.device, precision: str, shared_fake_forward: bool):
    if precision == "bf16" and not multiplies_bf16(device):
        pytest.skip("this device emulates bf16")
    options = {"shared_fake_forward": shared_fake_forward}
    exact = losses(started(device, **options), device)
    lower = losses(started(device, precision=precision, **options), device)
    for expected, found in zip(exact, lower, strict=True):
        for name in ("pixel", "perceptual", "adversarial", "d_real", "d_fake"):
            assert found[name] == pytest.approx(expected[name], rel=0.05, abs=0.01), name


def test_an_overflow_is_left_out_and_halves_the_scale(device: torch.device):
    step = started(device, precision="16")
    assert step.loss_scale is not None
    step.loss_scale.on(device).fill_(2.0**40)
    before = [parameter.detach().clone() for parameter in step.generator.parameters()]
    _, skip = step(make_batch(device), done=0, max_steps=10)
    assert skip
    assert step.mended
    assert step.loss_scale.factor == 2.0**39
    assert all(map(torch.equal, step.generator.parameters(), before))


def test_compiled_networks_train_as_plain_ones(device: torch.device):
    try:
        compile_networks([], device.type)
    except UserError as error:
        pytest.skip(str(error))
    plain, fused = losses(started(device), device), losses(started(device, compile=True), device)
    for expected, found in zip(plain, fused, strict=True):
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=0.01, abs=1e-3), name
