"""What is planned: the published recipe or another, with any generator."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, MultipleOf

from benchmarks.costs import Cost, iteration_costs
from benchmarks.held import Held, held_by
from benchmarks.plan.gpus import Gpu
from benchmarks.plan.predict import RESERVED_GB, Prediction, needed_gb, predict
from benchmarks.rendering import Rendering
from esrgan_train.bounds import Count, check_value
from esrgan_train.config import compose_config
from esrgan_train.training.stages import StageName

VARIANTS = ("x4_prelu", "x2_prelu", "x4_general", "x4_ultracompact", "x4_superultracompact")  # of the README


@dataclass(frozen=True)
class Recipe:
    """A configuration, and what it says of the training.

    Attributes:
        overrides: the configuration.
        recipe: its name.
        name: of the model.
        gt_size: HR crop in pixels.
        batch_size: samples per GPU and iteration.
        iterations: of each stage that comes.
        perceptual: whether the GAN stage has the perceptual loss.
        upscale: factor.
    """

    overrides: tuple[str, ...]
    recipe: str
    name: str
    gt_size: int
    batch_size: int
    iterations: Mapping[StageName, int]
    perceptual: bool
    upscale: int

    def costs(self, stage: StageName) -> dict[str, Cost]:
        """By network."""
        return iteration_costs(self.overrides, gt_size=self.gt_size, stage=stage, perceptual=self.perceptual)

    def held(self, stage: StageName) -> Held:
        """Memory of an iteration."""
        return held_by(self.overrides, gt_size=self.gt_size, stage=stage, perceptual=self.perceptual)

    def needed_gb(self) -> float:
        """The most of a card's memory that a stage takes."""
        return max(needed_gb(self.held(stage), batch=self.batch_size) for stage in self.iterations)

    def largest_batch(self, gpu: Gpu) -> int:
        """How many samples at once the GPU's memory holds."""
        held = [self.held(stage) for stage in self.iterations]
        room = (gpu.gb - RESERVED_GB) * 2**30
        return max(0, min(int((room - each.fixed) // each.per_sample) for each in held))

    def predict(
        self, gpu: Gpu, *, gpus: int, loading: float, rendering: Rendering | None = None
    ) -> dict[StageName, Prediction]:
        """Each stage on ``gpus`` of a GPU whose cores load a sample in ``loading`` seconds."""
        return {
            stage: predict(
                self.costs(stage).values(),
                gpu,
                gpus=gpus,
                batch=self.batch_size,
                iterations=iterations,
                loading=loading,
                rendering=rendering,
            )
            for stage, iterations in self.iterations.items()
        }


def published(overrides: Sequence[str] = ()) -> Recipe:
    """The published recipe with ``overrides``, which may choose another.

    Raises:
        UserError: a crop or batch that the networks do not take.
    """
    chosen = tuple(overrides)
    if not any(override.startswith("recipe=") for override in chosen):
        chosen = ("recipe=published", *chosen)
    cfg = compose_config(chosen)
    start, end = cfg.loss.adversarial.start_step, cfg.trainer.max_steps
    check_value("data.batch_size", cfg.data.batch_size, Count)
    whole = math.lcm(8, cfg.upscale)  # the discriminator halves it three times, and it holds whole LR pixels
    check_value("data.gt_size", cfg.data.gt_size, Annotated[int, Ge(16), MultipleOf(whole)])
    stages: dict[StageName, int] = {"pixel": min(start, end), "gan": max(end - start, 0)}
    return Recipe(
        overrides=chosen,
        recipe=cfg.recipe.name,
        name=cfg.model_name,
        gt_size=cfg.data.gt_size,
        batch_size=cfg.data.batch_size,
        iterations={stage: iterations for stage, iterations in stages.items() if iterations},
        perceptual=cfg.loss.perceptual.weight > 0,
        upscale=cfg.upscale,
    )
