"""Number formats on the device."""

from __future__ import annotations

import pytest
import torch

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import UserError
from esrgan_train.training.casting import run_with_cast_weights
from esrgan_train.training.compiling import compile_networks
from esrgan_train.training.precision import choose_precision
from esrgan_train.training.step import TrainingStep
from tests.gpu.small_run import Batch, make_batch, make_step

pytestmark = pytest.mark.gpu


def started(device: torch.device, **options: object) -> TrainingStep:
    step = make_step(device, **options)  # type: ignore[arg-type]
    for part in (*step.networks, step.ema, step.objective):
        part.to(device)
    step.make_optimizers()
    return step


def small_batch(device: torch.device, number: int = 0) -> Batch:
    """Few pixels: processors have no fp16, and take seconds for each iteration."""
    return make_batch(device, number, size=32, samples=2)


def losses(step: TrainingStep, device: torch.device, iterations: int = 3) -> list[dict[str, float]]:
    found = []
    for done in range(iterations):
        measured, skip = step(small_batch(device, done), done=done, max_steps=10)
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
    _, skip = step(small_batch(device), done=0, max_steps=10)
    assert skip
    assert step.settled
    assert step.loss_scale.factor == 2.0**39
    assert all(map(torch.equal, step.generator.parameters(), before))


def test_compiled_networks_train_as_plain_ones(device: torch.device):
    """In the format of a GPU's usual run; a processor takes minutes to compile another than float32."""
    precision = choose_precision("auto" if device.type == "cuda" else "32", device).name
    try:
        compile_networks([], device.type)
    except UserError as error:
        pytest.skip(str(error))
    plain = losses(started(device, precision=precision), device)
    fused = losses(started(device, precision=precision, compile=True), device)
    relative = 0.01 if precision == "32" else 0.05
    for expected, found in zip(plain, fused, strict=True):
        for name in ("pixel", "perceptual", "adversarial", "d_real", "d_fake", "grad_norm_generator"):
            assert found[name] == pytest.approx(expected[name], rel=relative, abs=1e-3), name


def test_weights_cast_at_once_are_autocasts(device: torch.device):
    """All at once, as on a GPU, beside one by one."""
    torch.manual_seed(0)
    images = small_batch(device)["hr"].contiguous(memory_format=torch.channels_last)
    for network in (SRVGGNetCompact(num_feat=16, num_conv=4), UNetDiscriminatorSN(num_feat=16)):
        network.to(device, memory_format=torch.channels_last)
        found = []
        for at_once in (True, False):
            buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
            with torch.autocast(device.type, dtype=torch.float16):
                output = run_with_cast_weights(network, images, torch.float16) if at_once else network(images)
            output.float().square().mean().backward()
            found.append([output.detach().float(), *(p.grad for p in network.parameters() if p.grad is not None)])
            network.zero_grad()
            for name, buffer in network.named_buffers():
                buffer.copy_(buffers[name])  # each pass moves the vectors of spectral normalization
        for one, other in zip(*found, strict=True):
            # On a GPU a gradient may be summed up in any order, of terms rounded to 11 bits.
            torch.testing.assert_close(one, other, rtol=0, atol=0.01 * float(other.abs().max()) + 1e-12)
