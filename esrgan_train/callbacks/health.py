"""Warnings, once a run each, that training no longer goes well, with a remedy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Lt
from lightning import Callback, Trainer

from esrgan_train.bounds import WholeNumber, bounded, check_values, hints_of
from esrgan_train.errors import UserError
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import LEARNING_RATES, StageName

log = logging.getLogger(__name__)

DIVERGED = 1.0  # a colour shift of more than the full range: no two pictures differ by so much


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A logged value that should not stay above a limit for long."""

    value: str  # its name in the log
    limit: Annotated[float, Ge(0), Lt(1)]
    patience: WholeNumber  # in iterations
    label: str  # in curves.png
    problem: str  # a format for the reading
    advice: str  # for the GAN stage; in the pixel stage there is the learning rate alone


_WORDS = {
    "d_accuracy": {
        "label": "discriminator wins",
        "problem": "the discriminator judges {:.0%} of the pixels correctly, so the generator learns little",
        "advice": "lower optimizer.discriminator.lr, or give the generator a longer pixel stage "
        "(loss.adversarial.start_step)",
    },
    "colour_shift": {
        "label": "colour drifts",
        "problem": "the mean colour of the generated crops is off by {:.3f} of the full range",
        "advice": "raise loss.pixel.weight, or lower loss.adversarial.weight or optimizer.lr",
    },
    "clipped": {
        "label": "values clipped",
        "problem": "{:.1%} of the generated values lie outside black and white and would be clipped",
        "advice": "raise loss.pixel.weight, or lower loss.adversarial.weight or optimizer.lr",
    },
}


class Health(Callback):
    """Warns when a sign lasts. It reads what is logged, so nothing waits for the device.

    Args:
        signs: for each of ``d_accuracy``, ``colour_shift`` and ``clipped`` its ``limit`` and its ``patience``
            in iterations; None switches one off.
    """

    @bounded
    def __init__(self, *, signs: Mapping[str, Mapping[str, float] | None]) -> None:
        self.signs = [_sign(name, options) for name, options in signs.items() if options is not None]
        self.since: dict[str, int] = {}  # first reading above the limit, of stretches that last
        self.warned: list[str] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        step, logged = trainer.global_step, trainer.callback_metrics
        if step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            values = {sign.value: float(logged[sign.value]) for sign in self.signs if sign.value in logged}
            for message in self.read(step, values, pl_module.objective.stage_of(step)):
                log.warning("%s", message)

    def read(self, step: int, values: Mapping[str, float], stage: StageName = "gan") -> list[str]:
        """Add the readings of iteration ``step``; return the warnings that are due."""
        messages = []
        if values.get("train/colour_shift", 0.0) > DIVERGED and "diverged" not in self.warned:
            self.warned += ["diverged", "train/colour_shift", "train/clipped"]  # which say the same, less plainly
            messages.append(
                f"iteration {step}: training has diverged, its images are no longer pictures: stop it, and "
                f"start again, or from an earlier checkpoint (ckpt_path), with a lower {LEARNING_RATES[stage]}"
            )
        for sign in self.signs:
            if not values.get(sign.value, 0.0) > sign.limit:
                self.since.pop(sign.value, None)
                continue
            first = self.since.setdefault(sign.value, step)
            if step - first >= sign.patience and sign.value not in self.warned:
                self.warned.append(sign.value)
                problem = sign.problem.format(values[sign.value])
                advice = sign.advice if stage == "gan" else f"lower {LEARNING_RATES[stage]}"
                messages.append(f"iterations {first} to {step}: {problem}: {advice}")
        return messages

    def state_dict(self) -> dict[str, Any]:
        return {"since": dict(self.since), "warned": list(self.warned)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.since, self.warned = dict(state_dict["since"]), list(state_dict["warned"])


def _sign(name: str, options: Mapping[str, float]) -> Sign:
    option = f"callbacks.health.signs.{name}"
    if name not in _WORDS:
        raise UserError(f"{option} is not known: give {', '.join(_WORDS)}")
    if set(options) != {"limit", "patience"}:
        raise UserError(f"{option} has {', '.join(options)}: give limit and patience")
    check_values(options, hints_of(Sign), at=f"{option}.")
    values: dict[str, Any] = {**options, **_WORDS[name]}
    return Sign(value=f"train/{name}", **values)
