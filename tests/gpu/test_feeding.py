"""Batches that are copied and made beside the training are those made alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.feeder import Fed, Feeder
from esrgan_train.data.loader import collate
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.site import Site
from esrgan_train.data.sources import Decoded, Source, Sources
from esrgan_train.degradation import RealESRGANDegradation
from tests.tiny import quiet_trainer

pytestmark = pytest.mark.gpu

Batch = dict[str, Any]
ITERATIONS = 4
IMAGES = ("lr", "hr", "hr_target")


class Noise(Source):
    """Photos of 8 bits, and of 16 in between."""

    def __len__(self) -> int:
        return 4

    def name(self, index: int) -> str:
        return f"photo {index}"

    def decode(self, index: int) -> Decoded:
        dtype = np.uint16 if index % 2 else np.uint8
        pixels = np.random.default_rng(index).integers(0, np.iinfo(dtype).max, (120, 130, 3), dtype=dtype)
        return Decoded(pixels)


def photos(site: Site | None, **changed: Any) -> DataModule:
    options: dict[str, Any] = {"upscale": 2, "seed": 0, "gt_size": 32, "batch_size": 3, "accumulate": 1}
    options |= {"num_workers": 0, "usm": True, "cache_mb": 64, "max_bad_fraction": 0.0, "scales": [1, 0.75]}
    sources = Sources(Noise(), Noise())
    return compose(
        sources, StreamOptions(**options | changed), degradation=RealESRGANDegradation(upscale=2), site=site
    )


def drawn(datamodule: DataModule) -> list[Batch]:
    """What workers give for the first iterations."""
    size = datamodule.samples_per_iteration
    return [collate([datamodule.training[n * size + i] for i in range(size)]) for n in range(ITERATIONS)]


def pinned(batch: Batch, device: torch.device) -> Batch:
    return {name: value.pin_memory() if device.type == "cuda" else value for name, value in batch.items()}


def make_alone(datamodule: DataModule, device: torch.device) -> list[Batch]:
    """Each batch by itself, on an idle device."""
    assert datamodule.training.rendering is not None
    make = datamodule.training.rendering.on(device)
    made = []
    for batch in drawn(datamodule):
        made.append(make(batch))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return made


def feed(datamodule: DataModule, device: torch.device) -> Iterator[Batch]:
    """The same by a feeder, in the order in which Lightning asks: the next one first."""
    rendering = datamodule.training.rendering
    feeder = Feeder(device, None if rendering is None else rendering.on(device))
    batches = [pinned(batch, device) for batch in drawn(datamodule)]
    ahead = feeder.feed(batches[0])
    for following in [*batches[1:], batches[0]]:
        fed, ahead = ahead, feeder.feed(following)
        yield fed.take() if isinstance(fed, Fed) else fed


def keep_busy(device: torch.device) -> None:
    """Some milliseconds of work on the current stream, which also takes and frees memory."""
    matrix = torch.rand(512, 512, device=device)
    for _ in range(400 if device.type == "cuda" else 2):
        matrix = (matrix @ matrix).tanh()


def test_batches_are_right_while_the_training_stream_is_busy(device: torch.device):
    datamodule = photos(Site(device.type))
    expected = make_alone(datamodule, device)
    found = []
    for batch in feed(datamodule, device):
        keep_busy(device)
        found.append({name: batch[name].clone() for name in IMAGES})
        del batch  # its memory may be given to the next one
    for number in range(ITERATIONS):
        for name in IMAGES:
            assert found[number][name].device.type == device.type
            assert torch.equal(found[number][name], expected[number][name]), (number, name)


def test_batches_that_workers_made_arrive_whole(device: torch.device):
    datamodule = photos(None)
    expected = drawn(datamodule)
    for number, batch in enumerate(feed(datamodule, device)):
        keep_busy(device)
        for name in IMAGES:
            assert torch.equal(batch[name].cpu(), expected[number].get(name, expected[number]["hr"]))


def test_hr_is_bit_for_bit_that_of_the_workers(device: torch.device):
    for made, expected in zip(make_alone(photos(Site(device.type)), device), drawn(photos(None)), strict=True):
        assert torch.equal(made["hr"].cpu(), expected["hr"])
        torch.testing.assert_close(made["hr_target"].cpu(), expected["hr_target"], rtol=0, atol=1e-5)


class Learner(lightning.LightningModule):
    """Three factors, learnt with sums alone: nothing on any device rounds them in another order the next time."""

    def __init__(self) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.ones(3))
        self.seen: list[Tensor] = []

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        keep_busy(self.device)
        self.seen.append(batch["index"])
        return self.loss(batch)

    def loss(self, batch: Batch) -> Tensor:
        reached = self.factors * batch["lr"].mean((2, 3))
        return (reached - batch["hr"].mean((2, 3))).square().sum() + batch["hr_target"].mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.5)


@pytest.mark.run
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("rendered", ["on the device", "by workers"])
def test_a_training_fed_beside_equals_one_fed_plainly(rendered: str, num_workers: int, device: torch.device):
    site = Site(device.type) if rendered == "on the device" else None
    datamodule = photos(site, num_workers=num_workers)
    learner = Learner()
    accelerator = {"cuda": "gpu"}.get(device.type, device.type)
    quiet_trainer(max_steps=ITERATIONS, accelerator=accelerator, limit_val_batches=0).fit(
        learner, datamodule=datamodule
    )
    plain = Learner().to(device)
    optimizer: Any = plain.configure_optimizers()
    for batch in plainly(photos(site), device):
        optimizer.zero_grad()
        plain.loss(batch).backward()
        optimizer.step()
    assert torch.cat(learner.seen).tolist() == list(range(ITERATIONS * 3))
    assert torch.equal(learner.factors.cpu(), plain.factors.cpu())
    assert not torch.equal(plain.factors.cpu(), torch.ones(3))


def plainly(datamodule: DataModule, device: torch.device) -> list[Batch]:
    if datamodule.training.rendering is not None:
        return make_alone(datamodule, device)
    batches = [{"hr_target": batch["hr"], **batch} for batch in drawn(datamodule)]
    return [{name: value.to(device) for name, value in batch.items()} for batch in islice(batches, ITERATIONS)]
