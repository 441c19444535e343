"""The losses of a whole training."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from esrgan_train.bounds import check_value
from esrgan_train.training.stages import AdversarialTerm, Iterations, Stage, StageName, Term


class Objective(nn.Module):
    """The losses, and the iteration from which all of them count.

    The terms of the pixel stage stand alone until ``start_step`` iterations are done; then the others join them:
    the GAN stage. A term of weight 0 is left out; in the pixel stage it is still measured.

    Args:
        terms: losses of the generated images; at least one counts in the pixel stage.
        adversarial: one term for each discriminator.
        start_step: iterations of the pixel stage.

    Attributes:
        stages: those that the training can have, in their order.
        has_gan_stage: whether anything joins the pixel stage's terms.
        discriminator_warmup: iterations from ``start_step`` on without any adversarial loss.
    """

    def __init__(
        self, *, terms: Sequence[Term], adversarial: Sequence[AdversarialTerm] = (), start_step: Iterations
    ) -> None:
        super().__init__()
        check_value("loss.adversarial.start_step", start_step, Iterations)
        used = [term for term in terms if term.weight > 0 or "pixel" in term.stages]
        judged = [term for term in adversarial if term.weight > 0]
        self.start_step = start_step
        self.has_gan_stage = bool(judged) or any("pixel" not in term.stages for term in used)
        self.discriminator_warmup = min((term.discriminator_warmup for term in judged), default=0)
        self.stages: dict[StageName, Stage] = {}
        if not self.has_gan_stage or start_step > 0:
            alone = tuple(term for term in used if "pixel" in term.stages)
            self.stages["pixel"] = Stage("pixel", alone, stop=start_step if self.has_gan_stage else None)
        if self.has_gan_stage:
            joined = tuple(term for term in used if "gan" in term.stages)
            self.stages["gan"] = Stage("gan", joined, tuple(judged), start=start_step)
        functions = {term.name: term.function for term in used} | {term.name: term.function for term in judged}
        for name, function in functions.items():
            if isinstance(function, nn.Module):  # moves to the device, and is saved under this name
                self.add_module(name, function)

    @property
    def names(self) -> list[str]:
        """The names of all terms, as they are logged."""
        return list(dict.fromkeys(name for stage in self.stages.values() for name in stage.weights))

    def stage(self, iterations_done: int) -> StageName:
        """The stage of the iteration that follows ``iterations_done`` others."""
        return "gan" if self.has_gan_stage and iterations_done >= self.start_step else "pixel"

    def stage_of(self, iteration: int) -> StageName:
        """The stage of iteration number ``iteration``; 0, before the first, belongs to the first stage."""
        return self.stage(max(iteration - 1, 0))
