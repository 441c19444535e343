"""What the generator is asked for, stage by stage."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from esrgan_train.errors import UserError
from esrgan_train.losses.adversarial import AdversarialLoss

Stage = Literal["pixel", "gan"]
STAGE_NAMES: dict[Stage, str] = {"pixel": "pixel stage", "gan": "GAN stage"}
LEARNING_RATES: dict[Stage, str] = {"pixel": "optimizer.pixel_lr", "gan": "optimizer.lr"}  # the one that counts


class Objective(nn.Module):
    """The losses, their weights, and the iteration from which all of them count.

    The pixel loss stands alone until ``start_step`` iterations are done (the pixel stage); then the
    perceptual and the adversarial loss join it (the GAN stage). A weight of 0 leaves a loss out; without
    both of them, the pixel stage is the whole training.

    Args:
        pixel: (sr, target) to a scalar.
        perceptual: (sr, target) to a scalar; required if its weight is not 0.
        adversarial: the two players' losses; required if its weight is not 0.
        pixel_weight: weights are numbers ≥ 0; the published ones are 1, 1 and 0.1.
        perceptual_weight: see above.
        adversarial_weight: applies to the generator's term alone; the discriminator's loss has weight 1.
        start_step: iterations of the pixel stage, ≥ 0.
        discriminator_warmup: iterations from ``start_step`` on in which the discriminator learns but the
            generator does not hear of it, ≥ 0: a fresh one would at first lead a trained generator astray.

    Raises:
        UserError: a negative weight, start_step or discriminator_warmup.
    """

    def __init__(
        self,
        *,
        pixel: nn.Module,
        perceptual: nn.Module | None,
        adversarial: AdversarialLoss | None,
        pixel_weight: float,
        perceptual_weight: float,
        adversarial_weight: float,
        start_step: int,
        discriminator_warmup: int,
    ) -> None:
        super().__init__()
        weights = {"pixel": pixel_weight, "perceptual": perceptual_weight, "adversarial": adversarial_weight}
        for name, weight in weights.items():
            if weight < 0:
                raise UserError(f"loss.{name}.weight={weight} is negative: give 0 to leave the loss out")
        if start_step < 0:
            raise UserError(f"loss.adversarial.start_step={start_step} is negative: 0 starts with the GAN stage")
        if discriminator_warmup < 0:
            raise UserError(
                f"loss.adversarial.discriminator_warmup={discriminator_warmup} is negative: give 0 for none"
            )
        self.pixel = pixel
        self.perceptual = perceptual if perceptual_weight > 0 else None
        self.adversarial = adversarial if adversarial_weight > 0 else None
        self.pixel_weight = pixel_weight
        self.perceptual_weight = perceptual_weight
        self.adversarial_weight = adversarial_weight
        self.start_step = start_step
        self.discriminator_warmup = discriminator_warmup

    @property
    def has_gan_stage(self) -> bool:
        """Whether anything joins the pixel loss at ``start_step``."""
        return self.perceptual is not None or self.adversarial is not None

    def stage(self, iterations_done: int) -> Stage:
        """The stage of the iteration that follows ``iterations_done`` others."""
        return "gan" if self.has_gan_stage and iterations_done >= self.start_step else "pixel"

    def stage_of(self, iteration: int) -> Stage:
        """The stage that iteration number ``iteration`` belongs to; 0, before the first, counts to its stage."""
        return self.stage(max(iteration - 1, 0))

    def adversarial_weight_after(self, iterations_done: int) -> float:
        """The weight of the generator's adversarial term in the iteration that follows ``iterations_done``."""
        warm = iterations_done >= self.start_step + self.discriminator_warmup
        return self.adversarial_weight if warm else 0.0

    def content(self, sr: Tensor, target: Tensor, stage: Stage) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted pixel and perceptual loss, and each without its weight for the log.

        Args:
            sr: (B, 3, H, W) float32, not clamped.
            target: the same shape, in [0, 1]; sharpened where the recipe says so.
            stage: ``pixel`` leaves the perceptual loss out.
        """
        pixel = self.pixel(sr, target)
        total, measured = self.pixel_weight * pixel, {"pixel": pixel}
        if stage == "gan" and self.perceptual is not None:
            perceptual = self.perceptual(sr, target)
            total = total + self.perceptual_weight * perceptual
            measured["perceptual"] = perceptual
        return total, measured
