"""Rows: whole training iterations, ours and the published code's, from the same weights on the same batch."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from benchmarks import peer
from benchmarks.costs import IterationCost, iteration_costs
from benchmarks.floor import Floor, takes_taps_first
from benchmarks.ours import BareStep, make_module, random_batch
from benchmarks.record import Row, at_least, ratio_of
from benchmarks.sizes import Sizes
from benchmarks.timing import interleaved, spread
from esrgan_train.devices import multiplies_bf16
from esrgan_train.training.stages import StageName

PERCEPTUAL_SEED = 3
_FASTER, _MUCH_FASTER, _PIXEL_FASTER = 1.2, 2.4, 2.5  # fp32 as published; the others with bf16 where it is native


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


def gan_rows(sizes: Sizes, floor: Floor) -> list[Row]:
    """The iteration of both players without perceptual loss: as published, and with the defaults."""
    batch = random_batch(batch_size=sizes.gan_batch, gt_size=sizes.gt_size, upscale=4)
    published = ["training.shared_fake_forward=false", "trainer.precision=32"]
    sides = contenders(sizes, batch, {"as published": published, "defaults": []}, stage="gan")
    seconds = interleaved(sides, rounds=sizes.rounds, budget_seconds=sizes.budget_seconds)
    size = f"GT {sizes.gt_size}, batch {sizes.gan_batch}"
    rows = []
    for key, name, goal in (
        ("as published", f"G + D iteration, {size}, fp32, shared_fake_forward=false", _FASTER),
        ("defaults", f"G + D iteration, {size}, defaults", _MUCH_FASTER),
    ):
        precision = sides[key].step.module.precision.name  # type: ignore[union-attr]
        bound = floor.seconds(
            _costs(sizes, precision, shared=key == "defaults", gan=True, perceptual=False),
            samples=sizes.gan_batch,
            precision=precision,
        )
        rows.append(_row(name, seconds, sides, key, goal=goal, floor=bound, note=_precision_note(precision, key)))
    return rows


def perceptual_row(sizes: Sizes, floor: Floor) -> Row:
    """The iteration of both players with VGG19, random weights on both sides, and the defaults."""
    batch = random_batch(batch_size=sizes.gan_batch, gt_size=sizes.gt_size, upscale=4)
    sides = contenders(sizes, batch, {"defaults": []}, stage="gan", perceptual=True)
    seconds = interleaved(sides, rounds=sizes.rounds, budget_seconds=sizes.budget_seconds)
    precision = sides["defaults"].step.module.precision.name  # type: ignore[union-attr]
    costs = _costs(sizes, precision, shared=True, gan=True, perceptual=True)
    bound = floor.seconds(costs, samples=sizes.gan_batch, precision=precision)
    name = f"G + D + VGG19 iteration, GT {sizes.gt_size}, batch {sizes.gan_batch}, defaults"
    return _row(
        name,
        seconds,
        sides,
        "defaults",
        goal=_MUCH_FASTER,
        floor=bound,
        note=_precision_note(precision, "defaults"),
    )


def pixel_row(sizes: Sizes, floor: Floor) -> Row:
    """The iteration of the pixel stage with the defaults."""
    batch = random_batch(batch_size=sizes.pixel_batch, gt_size=sizes.gt_size, upscale=4)
    sides = contenders(sizes, batch, {"defaults": []}, stage="pixel")
    seconds = interleaved(sides, rounds=3 * sizes.rounds, budget_seconds=sizes.budget_seconds)
    precision = sides["defaults"].step.module.precision.name  # type: ignore[union-attr]
    costs = _costs(sizes, precision, shared=True, gan=False, perceptual=False)
    bound = floor.seconds(costs, samples=sizes.pixel_batch, precision=precision)
    name = f"pixel-stage iteration, GT {sizes.gt_size}, batch {sizes.pixel_batch}, defaults"
    note = _precision_note(precision, "defaults", gan=False)
    return _row(name, seconds, sides, "defaults", goal=_PIXEL_FASTER, floor=bound, note=note)


def step_overrides(sizes: Sizes, *, perceptual: bool = False) -> list[str]:
    """The configuration of the timed steps: the published losses and learning rates, networks by size."""
    return [
        f"generator.num_feat={sizes.num_feat}",
        f"generator.num_conv={sizes.num_conv}",
        f"discriminator.num_feat={sizes.discriminator_feat}",
        *("recipe=published", "training.init=default", "loss.adversarial.start_step=0", "trainer.max_steps=1000"),
        *(("loss.perceptual.features=random", f"loss.perceptual.function.seed={PERCEPTUAL_SEED}") * perceptual),
        *(("loss.perceptual.weight=0",) * (not perceptual)),
        "optimizer.pixel_lr=1e-4",
    ]


def contenders(
    sizes: Sizes,
    batch: dict[str, Any],
    variants: dict[str, Sequence[str]],
    *,
    stage: StageName,
    perceptual: bool = False,
    only: str | None = None,
) -> dict[str, Contender]:
    """Our step with each variant's overrides and, if it is installed, the peer's, all from the same weights.

    With ``only``, one variant or the ``peer``: nothing of the other side stays in memory.
    """
    start = [] if stage == "gan" else ["loss.adversarial.start_step=1000"]
    common = [*step_overrides(sizes, perceptual=perceptual), *start]
    sides: dict[str, Contender] = {}
    weights: tuple[dict[str, Any], dict[str, Any] | None] | None = None
    for name, overrides in variants.items():
        module = make_module([*common, *overrides])
        if weights is None:
            judge = module.discriminator
            weights = deepcopy((module.generator.state_dict(), judge.state_dict() if judge is not None else None))
        if only in (None, name):
            sides[name] = Contender(BareStep(module), batch)
        del module
    if only in (None, "peer") and peer.is_installed():
        assert weights is not None
        published = peer.PublishedStep(
            generator=weights[0],
            discriminator=weights[1],
            generator_options={"num_feat": sizes.num_feat, "num_conv": sizes.num_conv, "upscale": 4},
            discriminator_feat=sizes.discriminator_feat,
            perceptual_seed=PERCEPTUAL_SEED if perceptual else None,
        )
        sides["peer"] = Contender(published, batch)
    return sides


def _row(
    name: str,
    seconds: dict[str, list[float]],
    sides: dict[str, Contender],
    key: str,
    *,
    floor: float,
    note: str | None,
    goal: float,
) -> Row:
    ours = spread(seconds[key])
    theirs = spread(seconds["peer"]) if "peer" in seconds else None
    return Row(
        name=name,
        unit="s",
        ours=ours,
        peer=theirs,
        rounds=len(seconds[key]),
        goal=f"≥ {goal}×",
        reached=at_least(goal, ratio_of(theirs, ours)),
        floor=floor,
        floor_name="its convolutions alone, at the rate of their shapes",
        losses={side: sides[name].losses for side, name in (("ours", key), ("peer", "peer")) if name in sides},
        note=note,
    )


def _costs(sizes: Sizes, precision: str, *, shared: bool, gan: bool, perceptual: bool) -> dict[str, IterationCost]:
    return iteration_costs(
        gt_size=sizes.gt_size,
        num_feat=sizes.num_feat,
        num_conv=sizes.num_conv,
        discriminator_feat=sizes.discriminator_feat,
        gan=gan,
        perceptual=perceptual,
        shared_fake_forward=shared,
        taps_first=takes_taps_first(precision),
        size=4,
    )


def _precision_note(precision: str, key: str, *, gan: bool = True) -> str | None:
    if key != "defaults":
        return None
    shared = "d_fake differs by design (one power iteration less when one pass of D serves both players); "
    reason = f"{shared if gan else ''}auto precision is "
    if precision == "32" and not multiplies_bf16("cpu"):
        return f"{reason}fp32 here: this cpu has no native bf16"
    return f"{reason}{precision} here"
