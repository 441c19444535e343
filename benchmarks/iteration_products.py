"""The convolutions and matrix products of an iteration, by network, recorded while torch runs the step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.costs import NO_PERCEPTUAL, count_step, counted_module
from benchmarks.products import Product
from benchmarks.threads import one_thread
from esrgan_train.training.stages import StageName

# What a network computes, and how often, in each of the ways in which this project computes it.
Work = Mapping[str, Sequence[Counter[Product]]]


def iteration_products(
    overrides: Sequence[str],
    *,
    gt_size: int,
    batch_size: int,
    stage: StageName,
    perceptual: bool,
    precision: str,
) -> dict[str, list[Counter[Product]]]:
    """What an iteration of a whole batch computes, each network being what comes with it.

    In float32 there are two ways: torch's plain convolutions, and the short cuts that networks take on a CPU.

    Args:
        overrides: the configuration; both stages must be able to come.
        gt_size: side of the HR crop in pixels.
        batch_size: samples.
        stage: the pixel stage trains the generator alone.
        perceptual: whether VGG19 takes part in the GAN stage.
        precision: 32 or bf16.
    """
    plain = (*overrides, NO_PERCEPTUAL)
    at: dict[str, Any] = {"gt_size": gt_size, "batch_size": batch_size, "precision": precision}
    ways = (False, True) if precision == "32" else (False,)
    alone = [_products(plain, stage="pixel", own_way=own, **at) for own in ways]
    found = {"generator": alone}
    if stage == "gan":
        both = [_products(plain, stage="gan", own_way=own, **at) for own in ways]
        found["discriminator"] = [more - less for more, less in zip(both, alone, strict=True)]
        if perceptual:
            features = (*overrides, "loss.perceptual.features=random")
            found["perceptual"] = [_products(features, stage="gan", own_way=False, **at) - both[0]]
    return found


def _products(
    overrides: Sequence[str], *, stage: StageName, gt_size: int, batch_size: int, precision: str, own_way: bool
) -> Counter[Product]:
    module = counted_module(overrides, stage=stage, own_way=own_way, precision=precision)
    with one_thread():  # whatever else runs here
        return count_step(module, side=gt_size, batch_size=batch_size, fake=not own_way).products
