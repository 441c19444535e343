"""Rows: whole training iterations, ours and the published code's, from the same weights on the same batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from benchmarks import peer
from benchmarks.costs import NO_PERCEPTUAL, Cost, iteration_costs
from benchmarks.floor import BestTimes, Floor
from benchmarks.iteration_products import Work, iteration_products
from benchmarks.ours import BareStep, make_module, random_batch
from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from benchmarks.timing import interleaved, spread
from esrgan_train.devices import multiplies_bf16
from esrgan_train.training.stages import StageName

PERCEPTUAL_SEED = 3


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """An iteration that is timed.

    Attributes:
        name: what stands before its sizes.
        how: what stands behind them.
        stage: which losses count.
        overrides: what differs from the defaults.
        perceptual: whether VGG19 takes part, with random weights on both sides.
        speedup: the goal.
        fp32: whether it computes in float32 where bf16 is native too.
    """

    name: str
    how: str = "defaults"
    stage: StageName = "gan"
    overrides: tuple[str, ...] = ()
    perceptual: bool = False
    speedup: float
    fp32: bool = False


ITERATIONS = {
    "gan_iteration_fp32": Iteration(
        name="G + D iteration",
        how="fp32, shared_fake_forward=false",
        overrides=("training.shared_fake_forward=false", "trainer.precision=32"),
        speedup=1.2,
        fp32=True,
    ),
    "gan_iteration": Iteration(name="G + D iteration", speedup=2.4),
    "gan_perceptual_iteration": Iteration(name="G + D + VGG19 iteration", perceptual=True, speedup=2.2),
    "pixel_iteration": Iteration(name="pixel-stage iteration", stage="pixel", speedup=2.0),
}


class Contender:
    """One side of a row: a step, and its losses after the first of them, when both sides still are alike."""

    def __init__(self, step: BareStep | peer.PublishedStep, batch: dict[str, Any]) -> None:
        self.step = step
        self.batch = batch
        self.losses: dict[str, float] = {}

    def __call__(self) -> None:
        """One iteration."""
        self.step.step(self.batch)
        if not self.losses:
            self.losses = self.step.losses()


def iteration_rows(sizes: Sizes, floor: Floor, *keys: str) -> list[Row]:
    """The rows of these ``ITERATIONS``, which must share stage and losses: they are timed with one peer."""
    first = ITERATIONS[keys[0]]
    batch_size = sizes.pixel_batch if first.stage == "pixel" else sizes.gan_batch
    rounds = sizes.rounds * (3 if first.stage == "pixel" else 1)
    sides = contenders(sizes, keys, batch_size=batch_size)
    precisions = {key: sides[key].step.module.precision.name for key in keys}  # type: ignore[union-attr]
    work = {key: work_of(key, sizes, precision=precisions[key]) for key in keys}
    best = BestTimes(
        product for each in work.values() for ways in each.values() for way in ways for product in way
    )
    turns: dict[str, Callable[[], object]] = {**sides, "floor": best}
    seconds = interleaved(turns, rounds=rounds, budget_seconds=sizes.budget_seconds)
    for key in keys:
        floor.add(precisions[key], work[key], best)
    return [
        Row(
            key=key,
            name=f"{ITERATIONS[key].name}, GT {sizes.gt_size}, batch {batch_size}, {ITERATIONS[key].how}",
            sizes={"gt_size": sizes.gt_size, "batch_size": batch_size},
            unit="s",
            ours=spread(seconds[key]),
            peer=spread(seconds["peer"]) if "peer" in seconds else None,
            rounds=len(seconds[key]),
            goal=Goal("speedup", ITERATIONS[key].speedup),
            floor=best.seconds_of(work[key]),
            floor_name="its convolutions alone, each in the fastest way, shared by all cores without loss",
            losses={who: sides[each].losses for who, each in (("ours", key), ("peer", "peer")) if each in sides},
            note=_note(ITERATIONS[key], precisions[key]),
        )
        for key in keys
    ]


def work_of(key: str, sizes: Sizes, *, precision: str) -> Work:
    """What one of ``ITERATIONS`` multiplies."""
    iteration = ITERATIONS[key]
    return iteration_products(
        ("recipe=published", *sizes.overrides(), *iteration.overrides),
        gt_size=sizes.gt_size,
        batch_size=sizes.pixel_batch if iteration.stage == "pixel" else sizes.gan_batch,
        stage=iteration.stage,
        perceptual=iteration.perceptual,
        precision=precision,
    )


def costs_of(key: str, *, gt_size: int, precision: str, overrides: Sequence[str] = ()) -> Mapping[str, Cost]:
    """What one of ``ITERATIONS`` costs on this CPU, by network."""
    iteration = ITERATIONS[key]
    return iteration_costs(
        ("recipe=published", *overrides, *iteration.overrides),
        gt_size=gt_size,
        stage=iteration.stage,
        perceptual=iteration.perceptual,
        cpu_kernels=precision == "32",
    )


def contenders(
    sizes: Sizes, keys: Sequence[str], *, batch_size: int, only: str | None = None
) -> dict[str, Contender]:
    """Our step for each of ``ITERATIONS`` and, if it is installed, the peer's, all from the same weights.

    With ``only``, one key or ``peer``: nothing of the other side stays in memory.
    """
    first = ITERATIONS[keys[0]]
    batch = random_batch(batch_size=batch_size, gt_size=sizes.gt_size, upscale=4)
    start = f"loss.adversarial.start_step={1000 if first.stage == 'pixel' else 0}"
    perceptual = ("loss.perceptual.features=random", f"loss.perceptual.function.seed={PERCEPTUAL_SEED}")
    common = [*sizes.overrides(), start, *(perceptual if first.perceptual else (NO_PERCEPTUAL,))]
    sides: dict[str, Contender] = {}
    weights: list[dict[str, Any]] = []
    for key in keys:
        module = make_module([*common, *ITERATIONS[key].overrides])
        networks = [network for network in (module.generator, module.discriminator) if network is not None]
        weights = weights or deepcopy([network.state_dict() for network in networks])
        if only in (None, key):
            sides[key] = Contender(BareStep(module), batch)
        del module, networks
    if only in (None, "peer") and not peer.missing():
        published = peer.PublishedStep(
            generator=weights[0],
            discriminator=weights[1] if len(weights) > 1 else None,
            generator_options={"num_feat": sizes.num_feat, "num_conv": sizes.num_conv, "upscale": 4},
            discriminator_feat=sizes.discriminator_feat,
            perceptual_seed=PERCEPTUAL_SEED if first.perceptual else None,
        )
        sides["peer"] = Contender(published, batch)
    return sides


def _note(iteration: Iteration, precision: str) -> str | None:
    if iteration.fp32:
        return None
    shared = "d_fake differs by design (one power iteration less when one pass of D serves both players); "
    reason = f"{precision} here"
    if precision == "32" and not multiplies_bf16("cpu"):
        reason = "fp32 here: this cpu has no native bf16"
    return f"{shared if iteration.stage == 'gan' else ''}auto precision is {reason}"
