"""Lightning's validation before training: a mere trial, or a measurement of what the run starts from."""

from __future__ import annotations

from lightning import Trainer


def is_trial(trainer: Trainer) -> bool:
    """Whether the validation that runs only tries some of the photos out, so that its figures count for nothing.

    The one before training counts where it takes all held-out photos (``trainer.num_sanity_val_steps=-1``):
    it says what the first weights score. A resumed run has none.
    """
    return trainer.sanity_checking and trainer.num_sanity_val_batches != trainer.num_val_batches
