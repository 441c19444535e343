"""Rows: what the trainer adds to the maths, and how long it waits for data."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lightning import Callback, LightningModule, Trainer
from omegaconf import DictConfig
from torch.utils.data import DataLoader, Dataset

from benchmarks.costs import NO_PERCEPTUAL
from benchmarks.ours import BareStep, make_module, random_batch
from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from benchmarks.timing import spread
from esrgan_train.build import build_datamodule, build_trainer
from esrgan_train.config import compose_config
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import StageName

_WARM_UP_BLOCKS = 1
_BLOCKS = 5
_GAN_SHARE = 10  # an iteration of the GAN stage takes that many times longer, or more


def overhead_row(sizes: Sizes, stage: StageName) -> Row:
    """An iteration under the trainer with all callbacks and loggers, and in a bare loop, on the same batches."""
    block = block_of(sizes, stage)
    iterations = block * (_BLOCKS + _WARM_UP_BLOCKS)
    with TemporaryDirectory() as folder:
        overrides = run_overrides(sizes, stage, Path(folder) / "run", iterations=iterations)
        module = make_module(overrides)
        twin = deepcopy(module)
        batch = random_batch(batch_size=sizes.loop_batch, gt_size=sizes.loop_gt_size, upscale=4)
        turns = Turns(BareStep(twin), batch, block=block)
        fit(compose_config(overrides), module, DataLoader(Repeated(batch, iterations), batch_size=None), [turns])
    return Row(
        key=f"{stage}_overhead",
        name=f"{stage}-stage iteration inside Lightning with all callbacks, GT {sizes.loop_gt_size}, "
        f"batch {sizes.loop_batch}",
        sizes={"gt_size": sizes.loop_gt_size, "batch_size": sizes.loop_batch},
        unit="s",
        ours=spread(turns.inside, scale=1 / block),
        peer=spread(turns.bare, scale=1 / block),
        peer_name="the same maths in a bare loop",
        rounds=len(turns.inside),
        goal=Goal("share", 1.03),
        losses={"ours": _sum_of_weights(module), "peer": _sum_of_weights(twin)},
        note="losses: sum of the generator's weights after as many iterations",
    )


def waiting_row(sizes: Sizes, stage: StageName) -> Row:
    """The share of an iteration spent waiting for data, in steady state, with the workers that are the default."""
    block = block_of(sizes, stage)
    iterations = block * (_BLOCKS + 2 * _WARM_UP_BLOCKS)
    with TemporaryDirectory() as folder:
        overrides = run_overrides(sizes, stage, Path(folder) / "run", iterations=iterations)
        cfg = compose_config([*overrides, "callbacks.progress=null"])
        datamodule = build_datamodule(cfg)
        waits = Waits()
        fit(cfg, make_module(overrides), datamodule, [waits])
        workers = datamodule.num_workers
    shares = waits.shares(block)[2 * _WARM_UP_BLOCKS :]
    return Row(
        key=f"{stage}_waiting",
        name=f"share of a {stage}-stage iteration spent waiting for data, demo recipe, GT {sizes.loop_gt_size}, "
        f"batch {sizes.loop_batch}",
        sizes={"gt_size": sizes.loop_gt_size, "batch_size": sizes.loop_batch},
        unit="%",
        ours=spread(shares, scale=100),
        rounds=len(shares),
        goal=Goal("value", 3),
        note=f"{workers} worker{'s' if workers != 1 else ''} (default) beside training on all cores",
    )


def block_of(sizes: Sizes, stage: StageName) -> int:
    """Iterations between two looks at the clock."""
    return sizes.loop_block if stage == "pixel" else max(1, sizes.loop_block // _GAN_SHARE)


def run_overrides(sizes: Sizes, stage: StageName, run_dir: Path, *, iterations: int) -> list[str]:
    """A run of the demo recipe that stays in one stage and never validates."""
    start = iterations + 1 if stage == "pixel" else 0
    return [
        *("data=sample", "trainer.accelerator=cpu", f"run_dir={run_dir}"),
        *(f"data.gt_size={sizes.loop_gt_size}", f"data.batch_size={sizes.loop_batch}"),
        *(f"generator.num_feat={sizes.num_feat}", f"generator.num_conv={sizes.num_conv}"),
        *(f"discriminator.num_feat={sizes.discriminator_feat}", NO_PERCEPTUAL),
        *(f"loss.adversarial.start_step={start}", f"trainer.max_steps={iterations + 1}"),
        *("recipe.warmup_steps=0", "recipe.final_factor=1", "optimizer.pixel_lr=1e-4"),
        *("trainer.num_sanity_val_steps=0", "trainer.limit_val_batches=0", "callbacks.lpips=null"),
        f"trainer.log_every_n_steps={min(10, iterations)}",
    ]


def fit(cfg: DictConfig, module: ESRGANModule, data: Any, callbacks: Sequence[Callback]) -> None:
    """Train in the run folder that ``cfg`` names, with its callbacks and loggers and these."""
    Path(cfg.run_dir).mkdir(parents=True)
    trainer = build_trainer(cfg)
    trainer.callbacks += callbacks  # type: ignore[attr-defined]
    if isinstance(data, DataLoader):
        trainer.fit(module, train_dataloaders=data, val_dataloaders=data)
    else:
        trainer.fit(module, datamodule=data)


class Repeated(Dataset[dict[str, Any]]):
    """One batch as often as asked."""

    def __init__(self, batch: dict[str, Any], times: int) -> None:
        self.batch = batch
        self.times = times + 1

    def __len__(self) -> int:
        return self.times

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.batch


class Turns(Callback):
    """After each block of the trainer's iterations, as many of the bare loop; times both.

    Args:
        bare: the bare loop's step.
        batch: what it trains on.
        block: iterations.
    """

    def __init__(self, bare: BareStep, batch: dict[str, Any], *, block: int) -> None:
        self.bare_step = bare
        self.batch = batch
        self.block = block
        self.inside: list[float] = []
        self.bare: list[float] = []
        self._began: float | None = None
        self._blocks = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take turns; the first block of each does not count."""
        if (batch_idx + 1) % self.block:
            return
        assert self._began is not None
        middle = time.perf_counter()
        for _ in range(self.block):
            self.bare_step.step(self.batch)
        end = time.perf_counter()
        self._blocks += 1
        if self._blocks > _WARM_UP_BLOCKS:
            self.inside.append(middle - self._began)
            self.bare.append(end - middle)
        if self._blocks == _WARM_UP_BLOCKS + _BLOCKS:
            trainer.should_stop = True
        self._began = time.perf_counter()


class Waits(Callback):
    """Times how long the trainer takes from the end of one iteration to the next one's batch."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self._since = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._since = time.perf_counter()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """The batch is here."""
        self._take("waiting")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """The iteration is done."""
        self._take("training")

    def shares(self, block: int) -> list[float]:
        """Waiting over all, for each block of iterations."""
        pairs = list(zip(self.seconds["waiting"], self.seconds["training"], strict=False))
        blocks = [pairs[start : start + block] for start in range(0, len(pairs) - block + 1, block)]
        return [sum(w for w, _ in each) / sum(w + t for w, t in each) for each in blocks]

    def _take(self, span: str) -> None:
        now = time.perf_counter()
        self.seconds[span].append(now - self._since)
        self._since = now


def _sum_of_weights(module: ESRGANModule) -> dict[str, float]:
    return {"weights": float(sum(p.detach().double().sum() for p in module.generator.parameters()))}
