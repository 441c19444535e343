"""The watch over how the two players fare: each illness is warned about once a run, with a remedy."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightning import Callback, LightningModule, Trainer

from esrgan_train.errors import UserError
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import LEARNING_RATES, StageName

log = logging.getLogger(__name__)

DIVERGED = 1.0  # a colour shift above the full range: no picture is so far from another


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A logged value that should not stay high.

    Attributes:
        value: name in the log.
        limit: what it should not stay above.
        patience: for how many iterations it may.
        label: what curves.png writes at a stretch that was longer.
        illness: what the warning says, with the reading in its place.
        advice: which options to change in the GAN stage; in the pixel stage there is the learning rate alone.
    """

    value: str
    limit: float
    patience: int
    label: str
    illness: str
    advice: str


_WORDS = {
    "d_accuracy": (
        "discriminator wins",
        "the discriminator judges {:.0%} of the pixels rightly, so the generator learns little from it",
        "lower optimizer.discriminator.lr, or give the generator a longer pixel stage "
        "(loss.adversarial.start_step)",
    ),
    "colour_shift": (
        "colour drifts",
        "the mean colour of the generated crops is off by {:.3f} of the full range",
        "raise loss.pixel.weight, or lower loss.adversarial.weight or optimizer.lr",
    ),
    "clipped": (
        "values clipped",
        "{:.1%} of the generated values lie outside black and white and would be clipped",
        "raise loss.pixel.weight, or lower loss.adversarial.weight or optimizer.lr",
    ),
}


class Health(Callback):
    """Warns when a sign of illness lasts. It reads what is logged, so it costs no wait for the device.

    Args:
        signs: for each of ``d_accuracy``, ``colour_shift`` and ``clipped`` its ``limit`` and its ``patience``
            in iterations; None switches one off.

    Raises:
        UserError: an unknown sign, or a limit or patience that cannot be meant.
    """

    def __init__(self, *, signs: Mapping[str, Mapping[str, float] | None]) -> None:
        self.signs = [_sign(name, options) for name, options in signs.items() if options is not None]
        self.since: dict[str, int] = {}  # first reading above the limit, of stretches that go on
        self.warned: list[str] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at what this iteration logged, if it did."""
        assert isinstance(pl_module, ESRGANModule)
        if trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            values = {
                s.value: trainer.callback_metrics[s.value]
                for s in self.signs
                if s.value in trainer.callback_metrics
            }
            stage, readings = pl_module.objective.stage_of(trainer.global_step), values.items()
            for message in self.read(trainer.global_step, {name: float(v) for name, v in readings}, stage):
                log.warning("%s", message)

    def read(self, step: int, values: Mapping[str, float], stage: StageName = "gan") -> list[str]:
        """Take in the readings of iteration ``step``; return what is to be warned about now."""
        messages = []
        if values.get("train/colour_shift", 0.0) > DIVERGED and "diverged" not in self.warned:
            self.warned += ["diverged", "train/colour_shift", "train/clipped"]  # which say the same, less plainly
            messages.append(
                f"iteration {step}: training has diverged, its pictures are no pictures any more: stop it, and "
                f"begin again, or from an earlier checkpoint (ckpt_path), with a lower {LEARNING_RATES[stage]}"
            )
        for sign in self.signs:
            if not values.get(sign.value, 0.0) > sign.limit:
                self.since.pop(sign.value, None)
                continue
            first = self.since.setdefault(sign.value, step)
            if step - first >= sign.patience and sign.value not in self.warned:
                self.warned.append(sign.value)
                illness = sign.illness.format(values[sign.value])
                advice = sign.advice if stage == "gan" else f"lower {LEARNING_RATES[stage]}"
                messages.append(f"iterations {first} to {step}: {illness}: {advice}")
        return messages

    def state_dict(self) -> dict[str, Any]:
        """Stretches that go on and what was warned about, for the checkpoint."""
        return {"since": dict(self.since), "warned": list(self.warned)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on watching."""
        self.since, self.warned = dict(state_dict["since"]), list(state_dict["warned"])


def _sign(name: str, options: Mapping[str, float]) -> Sign:
    if name not in _WORDS:
        raise UserError(f"callbacks.health.signs.{name} is not known: give {', '.join(_WORDS)}")
    if set(options) != {"limit", "patience"}:
        raise UserError(f"callbacks.health.signs.{name} has {', '.join(options)}: give limit and patience")
    limit, patience = options["limit"], options["patience"]
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 0 <= limit < 1:
        raise UserError(f"callbacks.health.signs.{name}.limit={limit!r}: give a share from 0 to below 1")
    if isinstance(patience, bool) or not isinstance(patience, int) or patience < 0:
        raise UserError(f"callbacks.health.signs.{name}.patience={patience!r}: give iterations, from 0 on")
    label, illness, advice = _WORDS[name]
    return Sign(value=f"train/{name}", limit=limit, patience=patience, label=label, illness=illness, advice=advice)
