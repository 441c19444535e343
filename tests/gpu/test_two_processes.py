"""Two processes that share a GPU, through gloo, train as one with twice the batch."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.kernels import exact_float32
from esrgan_train.losses.adversarial import VanillaLoss
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.precision import Precision
from esrgan_train.training.schedule import Constant
from esrgan_train.training.stages import AdversarialTerm, Term
from esrgan_train.training.step import TrainingStep

pytestmark = [pytest.mark.gpu, pytest.mark.run]

ITERATIONS, BATCH = 4, 4  # of which the last two are GAN iterations


def make_step(device: torch.device) -> TrainingStep:
    torch.manual_seed(0)
    given: dict[str, Any] = {"ema_decay": 0.9, "grad_clip": 0.5, "accumulate": 1, "shared_fake_forward": True}
    options: dict[str, Any] = {field.name: given.get(field.name, False) for field in fields(Options)}
    judged = AdversarialTerm(function=VanillaLoss(), weight=0.1, discriminator_warmup=0)
    pixel = Term(name="pixel", function=torch.nn.L1Loss(), weight=1.0)
    sgd = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
    step = TrainingStep(
        generator=SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4).to(device),
        discriminators={"discriminator": UNetDiscriminatorSN(num_feat=8).to(device)},
        objective=Objective(terms=[pixel], adversarial=[judged], start_step=2),
        make_optimizers={"pixel": sgd, "generator": sgd, "discriminator": sgd},
        schedule=Constant(warmup_steps=0),
        precision=Precision("32", device.type, "as requested"),
        options=Options(**options),
        seed=0,
    )
    step.make_optimizers()
    return step


def state_of(step: TrainingStep) -> dict[str, torch.Tensor]:
    networks = enumerate(step.networks)
    return {f"{n}.{key}": value.cpu() for n, network in networks for key, value in network.state_dict().items()}


def train(rank: int, world: int, device: torch.device, folder: Path) -> None:
    """Train on every ``world``-th sample of each batch, and write what the networks became."""
    torch.set_num_threads(1)
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    step = make_step(device)
    generator = torch.Generator().manual_seed(1)
    with exact_float32():
        for done in range(ITERATIONS):
            hr = torch.rand(BATCH, 3, 32, 32, generator=generator)[rank::world].to(device)
            batch = {"lr": torch.nn.functional.avg_pool2d(hr, 4), "hr": hr}
            step(batch, done=done, max_steps=ITERATIONS)
    torch.save(state_of(step), folder / f"{rank}_of_{world}.pt")
    if world > 1:
        dist.destroy_process_group()


def test_two_processes_equal_one(device: torch.device, tmp_path: Path) -> None:
    processes.spawn(train, (2, device, tmp_path), nprocs=2)
    train(0, 1, device, tmp_path)
    one, first, second = (torch.load(tmp_path / f"{name}.pt") for name in ("0_of_1", "0_of_2", "1_of_2"))
    start = state_of(make_step(device))
    for name, expected in one.items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], expected, rtol=0, atol=2e-5, msg=name)
    moved = [name for name, value in one.items() if not torch.equal(value, start[name])]
    assert len(moved) > len(one) / 2
